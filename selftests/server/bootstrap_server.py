# SPDX-License-Identifier: Apache-2.0
"""A small LwM2M bootstrap server on aiocoap: Bootstrap-Request and -Pack-Request at /bs and
/bspack, and the operations back to the client from the very socket that it asked at.

As a program it serves one configuration to whoever asks:

    bootstrap_server.py --port 5683 account.json

    {"delete": ["/0", "/1"],
     "write": {"/0/1": {"0": "coap://127.0.0.1:5684", "1": false, "2": 3, "10": 101},
               "/1/0": {"0": 101, "1": 300, "6": true, "7": "U"}},
     "format": "tlv", "pack": false}
"""

import argparse
import asyncio
import json
import sys

import lwm2m_server
import aiocoap
import aiocoap.resource
from aiocoap import BAD_REQUEST, CHANGED, CONTENT
from aiocoap.numbers.codes import DELETE, GET, POST, PUT

import codec

# The objects that only a bootstrap server writes (LwM2M core 1.2, appendix E).
codec.TYPES.setdefault(0, {0: "s", 1: "b", 2: "i", 3: "o", 4: "o", 5: "o", 10: "i", 11: "i",
                           12: "i", 13: "i", 14: "s", 15: "i", 16: "i", 17: "l"})
codec.TYPES.setdefault(2, {0: "i", 1: "i", 2: "i", 3: "i"})
codec.TYPES.setdefault(21, {0: "o", 1: "o", 2: "o", 3: "i", 4: "i", 5: "o", 6: "o"})
for _rid, _kind in {5: "i", 9: "x", 12: "t", 13: "i", 14: "i", 15: "b", 16: "b", 17: "i",
                    18: "i", 19: "i", 20: "i", 21: "b", 22: "s", 23: "b"}.items():
    codec.TYPES[1].setdefault(_rid, _kind)

NOT_IMPLEMENTED = aiocoap.numbers.codes.Code.NOT_IMPLEMENTED
FORMATS = {name: number for number, name in codec.NAMES.items()}


class _Requests(aiocoap.resource.Resource):
    """/bs"""

    def __init__(self, server):
        super().__init__()
        self.server = server

    async def render_post(self, request):
        return self.server._asked(request)


class _Packs(aiocoap.resource.Resource):
    """/bspack"""

    def __init__(self, server):
        super().__init__()
        self.server = server

    async def render_get(self, request):
        return self.server._pack_asked(request)


class BootstrapServer(lwm2m_server.Server):
    """The server. session(client) is awaited for each Bootstrap-Request that is taken; it
    does what it likes with the operations below and ends with finish()."""

    def __init__(self, session, host="127.0.0.1", port=5683, log=None):
        super().__init__(host, port, log=log)
        self.session = session
        self.refuse = None  # a code, for Bootstrap-Requests
        self.pack = None  # (Content-Format, payload) for Bootstrap-Pack-Requests
        self.requests = []  # queries of each
        self.packs = 0
        self.sessions = []  # tasks

    async def start(self):
        await super().start()
        self._site.add_resource(["bs"], _Requests(self))
        self._site.add_resource(["bspack"], _Packs(self))
        return self

    def _client(self, request, query):
        return lwm2m_server.Client(query.get("ep", ""), request.remote.as_response_address(),
                                   "", "", 0, "", [])

    def _asked(self, request):
        query = self._query(request)
        self.requests.append(query)
        if self.refuse is not None:
            return aiocoap.Message(code=self.refuse)
        self.log("bs", f"{query.get('ep', '')!r} asks for bootstrap")
        client = self._client(request, query)
        self.sessions.append(asyncio.ensure_future(self._run(client)))
        return aiocoap.Message(code=CHANGED)

    def _pack_asked(self, request):
        self.packs += 1
        if self.pack is None:
            return aiocoap.Message(code=NOT_IMPLEMENTED)
        content_format, payload = self.pack
        return aiocoap.Message(code=CONTENT, content_format=content_format, payload=payload)

    async def _run(self, client):
        await asyncio.sleep(0.05)  # its answer goes first
        try:
            return await self.session(self, client)
        finally:
            await self._notify()

    # -- operations

    async def bs_write(self, client, path, resources, content_format=codec.TLV):
        """Bootstrap-Write of an instance ({rid: value}), of one resource (a value), or of an
        object ({instance: {rid: value}})."""
        path = lwm2m_server.parse_path(path)
        payload, content_format = encode(path, resources, content_format)
        ex, _ = await self.request(client, PUT, path, payload, content_format, verb="BS-Write")
        return ex

    async def bs_delete(self, client, path="/"):
        ex, _ = await self.request(client, DELETE, lwm2m_server.parse_path(path),
                                   verb="BS-Delete")
        return ex

    async def bs_discover(self, client, path="/"):
        """The answer as text."""
        _, answer = await self.request(client, GET, lwm2m_server.parse_path(path),
                                       accept=codec.LINK, verb="BS-Discover")
        return answer.payload.decode()

    async def bs_read(self, client, path, accept=codec.SENML_CBOR):
        """{(o, i, r): value}"""
        path = lwm2m_server.parse_path(path)
        _, answer = await self.request(client, GET, path, accept=accept, verb="BS-Read")
        return codec.decode(path, int(answer.opt.content_format), answer.payload)

    async def finish(self, client):
        """Bootstrap-Finish: (Exchange, "") or LwM2MError with 4.06."""
        ex, _ = await self.request(client, POST, ["bs"], verb="BS-Finish")
        return ex


def encode(path, resources, content_format):
    """(payload, Content-Format)"""
    if len(path) == 3:
        kind = codec.type_of(path)
        if kind == "o":
            return bytes(resources), codec.OPAQUE
        return codec.encode_text(kind, resources), codec.TEXT
    if content_format == codec.TLV:
        if len(path) == 2:
            return codec.encode_resources_tlv(path[0], resources), content_format
        return b"".join(codec.tlv_entry(codec.INSTANCE, i,
                                        codec.encode_resources_tlv(path[0], r))
                        for i, r in resources.items()), content_format
    if len(path) == 2:
        resources = {path[1]: resources}
    entries = {(path[0], i, r): v for i, rs in resources.items() for r, v in rs.items()}
    return codec.encode(path, content_format, entries), content_format


def pack_of(config, content_format=codec.SENML_CBOR):
    """A Bootstrap-Pack of {"/0/1": {rid: value}, …}."""
    entries = {(*lwm2m_server.parse_path(path), rid): value
               for path, resources in config.items() for rid, value in resources.items()}
    return content_format, codec.encode((), content_format, entries)


def number_keys(config):
    """JSON has strings for keys, and for bytes."""
    out = {}
    for path, resources in config.items():
        obj = lwm2m_server.parse_path(path)[0]
        out[path] = {int(r): v.encode() if isinstance(v, str)
                     and codec.type_of((obj, 0, int(r))) == "o" else v
                     for r, v in resources.items()}
    return out


def serve(config):
    """A session that does what a configuration says."""
    async def session(server, client):
        for path in config.get("delete", []):
            await server.bs_delete(client, path)
        for path, resources in number_keys(config.get("write", {})).items():
            await server.bs_write(client, path, resources,
                                  FORMATS[config.get("format", "tlv")])
        if config.get("discover"):
            server.log("bs", await server.bs_discover(client))
        await server.finish(client)
    return session


async def _main(args):
    with open(args.config, encoding="utf-8") as f:
        config = json.load(f)
    server = BootstrapServer(serve(config), args.bind, args.port,
                             log=lambda kind, text: print(f"{kind:<9} {text}", flush=True))
    if config.get("pack"):
        server.pack = pack_of(number_keys(config["write"]))
    await server.start()
    try:
        done = 0
        while not args.sessions or done < args.sessions:
            await server.wait_for(lambda s, n=done: sum(t.done() for t in s.sessions) > n
                                  or s.packs > len(s.sessions), args.timeout)
            for task in server.sessions[done:]:
                if task.done() and task.exception():
                    print(f"failed: {task.exception()}", file=sys.stderr)
                    return 1
            done = sum(t.done() for t in server.sessions) + server.packs
        return 0
    finally:
        await server.stop()


def main():
    p = argparse.ArgumentParser(description="an LwM2M bootstrap server")
    p.add_argument("--bind", default="127.0.0.1")
    p.add_argument("--port", type=int, default=5683)
    p.add_argument("--sessions", type=int, default=0, help="end after that many (0: never)")
    p.add_argument("--timeout", type=float, default=None, help="seconds to wait for each")
    p.add_argument("config", help="JSON: what to delete and to write")
    return asyncio.run(_main(p.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
