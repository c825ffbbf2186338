# SPDX-License-Identifier: Apache-2.0
"""A small LwM2M 1.0/1.1 server on aiocoap.

Takes registrations at /rd and talks back to each client from the very socket
that the client registered at, which is what LwM2M's UDP binding asks for. Each
exchange is told to a callback, with its time.

As a program it waits for one registration and runs a few commands:

    lwm2m_server.py --bind 127.0.0.1 --port 5683 discover:/26241 read:/26241/0
"""

import argparse
import asyncio
import collections
import logging
import os
import sys
import time
from dataclasses import dataclass, field

# A second server on the same port must fail, not share the datagrams.
os.environ.setdefault("AIOCOAP_REUSE_PORT", "0")

import aiocoap
import aiocoap.resource
from aiocoap import CHANGED, CREATED, DELETED, NOT_FOUND, PRECONDITION_FAILED, BAD_REQUEST
from aiocoap.numbers import CON
from aiocoap.numbers.codes import DELETE, FETCH, GET, POST, PUT, iPATCH

import codec

# Discover and Execute have no code of their own; people know them by name.
VERBS = {GET: "GET", POST: "POST", PUT: "PUT", DELETE: "DELETE", FETCH: "FETCH",
         iPATCH: "iPATCH"}


class LwM2MError(Exception):
    """The client answered with an error code."""

    def __init__(self, exchange, diagnostic=""):
        super().__init__(f"{exchange.verb} {exchange.path}: {exchange.code}"
                         + (f" ({diagnostic})" if diagnostic else ""))
        self.exchange = exchange
        self.code = exchange.code
        self.diagnostic = diagnostic


@dataclass
class Exchange:
    """One request and its answer, for people to read."""
    verb: str
    path: str
    code: str
    sent: int
    received: int
    seconds: float
    blocks: int = 1

    def __str__(self):
        return f"{self.verb} {self.path} {self.code}"

    def line(self):
        """The same in columns, with sizes and time."""
        sizes = ", ".join(f"{n} bytes {way}" for n, way in
                          ((self.sent, "out"), (self.received, "in")) if n)
        return (f"{self.verb:<8} {self.path:<12} {self.code}  {self.seconds * 1000:>5.0f} ms"
                f"  {sizes}").rstrip()


@dataclass
class Client:
    """A registered client."""
    endpoint: str
    remote: object
    location: str
    version: str
    lifetime: int
    binding: str
    links: list
    registered: float = field(default_factory=time.monotonic)
    updates: int = 0

    @property
    def address(self):
        return self.remote.hostinfo


def dotted(code) -> str:
    """2.05 for a response code."""
    return f"{code >> 5}.{code & 31:02d}"


def parse_path(text) -> tuple:
    """(3, 0, 1) for "/3/0/1"."""
    return tuple(int(p) for p in text.strip("/").split("/") if p)


class _Registrations(aiocoap.resource.Resource):
    """/rd"""

    def __init__(self, server):
        super().__init__()
        self.server = server

    async def render_post(self, request):
        return self.server._register(request)


class _Registration(aiocoap.resource.Resource):
    """/rd/N"""

    def __init__(self, server, location):
        super().__init__()
        self.server, self.location = server, location

    async def render_post(self, request):
        return self.server._update(self.location, request)

    async def render_delete(self, request):
        return self.server._deregister(self.location)


class _Data(aiocoap.resource.Resource):
    """/dp: what clients Send"""

    def __init__(self, server):
        super().__init__()
        self.server = server

    async def render_post(self, request):
        return self.server._sent(request)


class Server:
    """The server; use start(), wait_for() and then the operations."""

    def __init__(self, host="127.0.0.1", port=5683, versions=("1.0", "1.1"), log=None):
        self.host, self.port, self.versions = host, port, versions
        self.clients = {}
        self._told = log or (lambda kind, text: None)
        self._heard = collections.deque(maxlen=6)  # (time, what) of late
        self._next = 0
        self._event = asyncio.Condition()
        self._context = None
        self.refused = []
        self.sent = []  # (endpoint, {(o, i, r): value}) of each Send

    def log(self, kind, text):
        """What goes on, for the callback, and for whoever waits in vain."""
        self._heard.append((time.monotonic(), f"{kind} {' '.join(text.split())}"))
        self._told(kind, text)

    def heard(self):
        """Who is registered, and what went on last, in one line."""
        now = time.monotonic()
        return "; ".join(
            [", ".join(f"{c.endpoint} at {c.address}, /rd/{c.location}, {c.updates} updates"
                       for c in self.clients.values()) or "nobody is registered"]
            + [f"{now - when:.1f} s ago: {what}" for when, what in self._heard])

    async def within(self, awaitable, seconds, what):
        """What comes of the awaitable. TimeoutError says what did not come, and what did."""
        try:
            return await asyncio.wait_for(awaitable, seconds)
        except TimeoutError as e:
            raise TimeoutError(f"{what}: not within {seconds:g} s ({self.heard()})") from e

    async def start(self):
        """Binds the socket. OSError if the port is taken."""
        self._site = aiocoap.resource.Site()
        self._site.add_resource(["rd"], _Registrations(self))
        self._site.add_resource(["dp"], _Data(self))
        # One transport only: requests must leave from the server's own socket.
        self._context = await aiocoap.Context.create_server_context(
            self._site, bind=(self.host, self.port), transports=["udp6"])
        self.log("server", f"listening at coap://{self.host}:{self.port}")
        return self

    async def stop(self):
        """Closes the socket without a word to the clients."""
        if self._context:
            await self._context.shutdown()
            self._context = None

    # -- registration interface

    def _query(self, request):
        return dict(q.partition("=")[::2] for q in request.opt.uri_query)

    def _register(self, request):
        query = self._query(request)
        endpoint, version = query.get("ep", ""), query.get("lwm2m", "1.0")
        try:
            links = codec.parse_links(request.payload.decode())
        except ValueError as e:
            self.log("rd", f"register refused: {e}")
            return aiocoap.Message(code=BAD_REQUEST, payload=str(e).encode())
        if version not in self.versions:
            self.refused.append((endpoint, version))
            self.log("rd", f"{endpoint!r} asks for LwM2M {version}: 4.12")
            return aiocoap.Message(code=PRECONDITION_FAILED)
        for old in [c for c in self.clients.values() if c.endpoint == endpoint]:
            self._forget(old.location)
        self._next += 1
        location = str(self._next)
        client = Client(endpoint, request.remote.as_response_address(), location, version,
                        int(query.get("lt", 86400)), query.get("b", "U"), links)
        self.clients[location] = client
        self._site.add_resource(["rd", location], _Registration(self, location))
        self.log("rd", f"{endpoint!r} registered from {client.address}, LwM2M {version}, "
                       f"lifetime {client.lifetime} s, /rd/{location}")
        asyncio.ensure_future(self._notify())
        return aiocoap.Message(code=CREATED, location_path=["rd", location])

    def _update(self, location, request):
        client = self.clients.get(location)
        if client is None:
            self.log("rd", f"update of /rd/{location}, which is not registered: 4.04")
            return aiocoap.Message(code=NOT_FOUND)
        query = self._query(request)
        client.remote = request.remote.as_response_address()
        client.lifetime = int(query.get("lt", client.lifetime))
        client.binding = query.get("b", client.binding)
        if request.payload:
            client.links = codec.parse_links(request.payload.decode())
        client.updates += 1
        self.log("rd", f"{client.endpoint!r} updated, from {client.address}")
        asyncio.ensure_future(self._notify())
        return aiocoap.Message(code=CHANGED)

    def _sent(self, request):
        client = next((c for c in self.clients.values()
                       if c.remote == request.remote.as_response_address()), None)
        if client is None:
            return aiocoap.Message(code=NOT_FOUND)
        try:
            values = codec.decode((), int(request.opt.content_format), request.payload)
        except (codec.CodecError, TypeError) as e:
            return aiocoap.Message(code=BAD_REQUEST, payload=str(e).encode())
        self.sent.append((client.endpoint, values))
        self.log("send", f"{client.endpoint!r}: {show(values)}")
        asyncio.ensure_future(self._notify())
        return aiocoap.Message(code=CHANGED)

    def _deregister(self, location):
        client = self.clients.get(location)
        if client is None:
            return aiocoap.Message(code=NOT_FOUND)
        self._forget(location)
        self.log("rd", f"{client.endpoint!r} de-registered")
        asyncio.ensure_future(self._notify())
        return aiocoap.Message(code=DELETED)

    def _forget(self, location):
        del self.clients[location]
        self._site.remove_resource(["rd", location])

    async def _notify(self):
        async with self._event:
            self._event.notify_all()

    async def wait_for(self, test, timeout, what="what a client does at /rd"):
        """Waits until test(self) is true after some registration event."""
        async def wait():
            async with self._event:
                await self._event.wait_for(lambda: test(self))
        await self.within(wait(), timeout, what)

    async def wait_for_client(self, endpoint=None, timeout=60):
        """The first client, or the one of that name, as soon as it is there."""
        def pick(_):
            return next((c for c in self.clients.values()
                         if endpoint in (None, c.endpoint)), None)
        await self.wait_for(pick, timeout, f"a registration of {endpoint or 'a client'}")
        return pick(self)

    # -- device management interface

    def message(self, client, code, path, payload=b"", content_format=None, accept=None,
                query=(), **options):
        """A request for the client, not yet sent."""
        m = aiocoap.Message(code=code, payload=payload, mtype=CON,
                            uri_path=[str(p) for p in path], **options)
        m.remote = client.remote
        if content_format is not None:
            m.opt.content_format = content_format
        if accept is not None:
            m.opt.accept = accept
        if query:
            m.opt.uri_query = list(query)
        return m

    async def answer(self, message, timeout=90, what=None, **options):
        """The answer to such a message, whatever it is."""
        what = what or f"{VERBS[message.code]} /{'/'.join(message.opt.uri_path)}"
        return await self.within(self._context.request(message, **options).response, timeout,
                                 f"the answer to {what}")

    async def request(self, client, code, path, payload=b"", content_format=None,
                      accept=None, query=(), timeout=90, verb=None):
        """Sends and waits: (Exchange, response message). LwM2MError on 4.xx
        and 5.xx, aiocoap's errors and TimeoutError if nothing comes."""
        m = self.message(client, code, path, payload, content_format, accept, query)
        began = time.monotonic()
        text = "/" + "/".join(map(str, path))
        if query:
            text += "?" + "&".join(query)
        answer = await self.answer(m, timeout, f"{verb or VERBS[code]} {text}")
        blocks = max(1, -(-max(len(payload), len(answer.payload)) // 1024))
        ex = Exchange(verb or VERBS[code], text, dotted(answer.code), len(payload),
                      len(answer.payload), time.monotonic() - began, blocks)
        self.log("exchange", ex.line())
        if not answer.code.is_successful():
            raise LwM2MError(ex, answer.payload.decode(errors="replace"))
        return ex, answer

    async def read(self, client, path, accept=None, **kw):
        """Read: (Exchange, {(o, i, r): value})"""
        path = parse_path(path) if isinstance(path, str) else tuple(path)
        ex, answer = await self.request(client, GET, path, accept=accept, **kw)
        cf = answer.opt.content_format
        return ex, codec.decode(path, codec.TEXT if cf is None else int(cf), answer.payload)

    async def read_value(self, client, path, accept=None, **kw):
        """Read of one resource: (Exchange, value)"""
        path = parse_path(path) if isinstance(path, str) else tuple(path)
        ex, values = await self.read(client, path, accept, **kw)
        if path not in values:
            raise codec.CodecError(f"the answer for {ex.path} does not hold it")
        return ex, values[path]

    async def write(self, client, path, value, content_format=None, **kw):
        """Write of one resource (PUT), in the format asked or the one that fits:
        opaque for bytes, text otherwise."""
        path = parse_path(path) if isinstance(path, str) else tuple(path)
        kind = codec.type_of(path)
        if content_format is None:
            content_format = codec.OPAQUE if kind == "o" else codec.TEXT
        payload = codec.encode(path, content_format, {path: value})
        ex, _ = await self.request(client, PUT, path, payload, content_format, **kw)
        return ex

    async def write_instance(self, client, path, resources, content_format=codec.TLV,
                             replace=False, **kw):
        """Write of several resources of one instance (POST; PUT replaces)."""
        path = parse_path(path) if isinstance(path, str) else tuple(path)
        payload = codec.encode(path, content_format,
                               {(*path, r): v for r, v in resources.items()})
        ex, _ = await self.request(client, PUT if replace else POST, path, payload,
                                   content_format, **kw)
        return ex

    async def execute(self, client, path, arguments="", **kw):
        """Execute."""
        path = parse_path(path) if isinstance(path, str) else tuple(path)
        ex, _ = await self.request(client, POST, path, arguments.encode(),
                                   codec.TEXT if arguments else None, **kw)
        return ex

    async def create(self, client, obj, resources=None, instance=None,
                     content_format=codec.TLV, **kw):
        """Create: (Exchange, instance number)"""
        resources = resources or {}
        if content_format == codec.TLV:
            payload = codec.encode_resources_tlv(obj, resources)
            if instance is not None:
                payload = codec.tlv_entry(codec.INSTANCE, instance, payload)
        else:
            payload = codec.encode((obj, instance or 0), content_format,
                                   {(obj, instance or 0, r): v for r, v in resources.items()})
        ex, answer = await self.request(client, POST, (obj,), payload, content_format, **kw)
        where = answer.opt.location_path
        if where:
            return ex, int(where[-1])
        return ex, instance

    async def delete(self, client, path, **kw):
        """Delete of an object instance or a resource instance."""
        path = parse_path(path) if isinstance(path, str) else tuple(path)
        ex, _ = await self.request(client, DELETE, path, **kw)
        return ex

    async def read_composite(self, client, paths, content_format=codec.SENML_CBOR,
                             accept=None, **kw):
        """Read-Composite: (Exchange, {(o, i, r): value})"""
        ex, answer = await self.request(client, FETCH, (),
                                        codec.encode_names(paths, content_format),
                                        content_format, accept, **kw)
        return ex, codec.decode((), int(answer.opt.content_format), answer.payload)

    async def write_composite(self, client, entries, content_format=codec.SENML_CBOR, **kw):
        """Write-Composite of {(o, i, r): value}."""
        ex, _ = await self.request(client, iPATCH, (),
                                   codec.encode((), content_format, entries),
                                   content_format, **kw)
        return ex

    async def discover(self, client, path, depth=None, **kw):
        """Discover: (Exchange, [(target, attributes)])"""
        path = parse_path(path) if isinstance(path, str) else tuple(path)
        if depth is not None:
            kw["query"] = [f"depth={depth}"]
        ex, answer = await self.request(client, GET, path, accept=codec.LINK,
                                        verb="DISCOVER", **kw)
        if answer.opt.content_format != codec.LINK:
            raise codec.CodecError(f"Discover answered in format {answer.opt.content_format}")
        return ex, codec.parse_links(answer.payload.decode())

    async def write_attributes(self, client, path, timeout=90, **attributes):
        """Write-Attributes: pmin=1, pmax=60, …"""
        path = parse_path(path) if isinstance(path, str) else tuple(path)
        query = [f"{k}={v}" for k, v in attributes.items()]
        ex, _ = await self.request(client, PUT, path, query=query, timeout=timeout)
        return ex

    async def observe(self, client, path, accept=None, timeout=90):
        """Starts an observation and returns it with its first value in the queue."""
        path = parse_path(path) if isinstance(path, str) else tuple(path)
        watch = Observation(self, client, path, accept)
        await watch._start(timeout)
        return watch


class Observation:
    """Values of an observed path, in a queue of (seconds since start, value)."""

    def __init__(self, server, client, path, accept):
        self.server, self.path = server, path
        self.queue = asyncio.Queue()
        self.notifications = 0
        m = server.message(client, GET, path, accept=accept, observe=0)
        self._began = time.monotonic()
        self._request = server._context.request(m)
        self.exchange = None
        self._task = None

    def _value(self, message):
        cf = message.opt.content_format
        values = codec.decode(self.path, codec.TEXT if cf is None else int(cf), message.payload)
        return values.get(self.path, values)

    async def _start(self, timeout):
        text = "/" + "/".join(map(str, self.path))
        first = await self.server.within(self._request.response, timeout,
                                         f"the answer to OBSERVE {text}")
        self.exchange = Exchange("OBSERVE", text, dotted(first.code), 0, len(first.payload),
                                 time.monotonic() - self._began)
        self.server.log("exchange", self.exchange.line())
        if not first.code.is_successful():
            self._request.observation.cancel()
            raise LwM2MError(self.exchange, first.payload.decode(errors="replace"))
        if first.opt.observe is None:
            raise LwM2MError(self.exchange, "the client answered, but does not observe")
        self.queue.put_nowait((time.monotonic() - self._began, self._value(first)))
        self._task = asyncio.ensure_future(self._pump())

    async def _pump(self):
        text = "/" + "/".join(map(str, self.path))
        try:
            async for message in self._request.observation:
                self.notifications += 1
                if not message.code.is_successful():
                    self.queue.put_nowait((time.monotonic() - self._began,
                                           LookupError(dotted(message.code))))
                    return
                value = self._value(message)
                self.server.log("notify", f"{text} = {show(value)}")
                self.queue.put_nowait((time.monotonic() - self._began, value))
        except (aiocoap.error.Error, codec.CodecError) as e:
            self.queue.put_nowait((time.monotonic() - self._began, e))

    async def next(self, timeout=60):
        """The next value; raises what ended the observation, or TimeoutError."""
        _, value = await self.server.within(
            self.queue.get(), timeout, f"a notification of /{'/'.join(map(str, self.path))}, "
                                       f"after {self.notifications} of them")
        if isinstance(value, Exception):
            raise value
        return value

    async def until(self, test, timeout=60):
        """Takes values until one passes the test."""
        end = time.monotonic() + timeout
        while True:
            value = await self.next(max(0.001, end - time.monotonic()))
            if test(value):
                return value

    def cancel(self):
        """Forgets the observation; the next notification is answered by RST."""
        if self._task:
            self._task.cancel()
        if not self._request.observation.cancelled:
            self._request.observation.cancel()


def show(value) -> str:
    """A value in one short line; opaque ones by length only."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {show(v)}" for k, v in value.items()) + "}"
    return repr(value)


async def _command(server, client, text):
    verb, _, rest = text.partition(":")
    path, _, value = rest.partition("=")
    if verb == "read":
        _, values = await server.read(client, path)
        for where, v in values.items():
            print("  /" + "/".join(map(str, where)), "=", show(v))
    elif verb == "discover":
        _, links = await server.discover(client, path)
        for target, attrs in links:
            print(" ", target, attrs or "")
    elif verb == "write":
        kind = codec.type_of(parse_path(path))
        v = bytes.fromhex(value) if kind == "o" else int(value) if kind in "itb" else value
        await server.write(client, path, v)
    elif verb == "exec":
        await server.execute(client, path, value)
    elif verb == "observe":
        watch = await server.observe(client, path)
        try:
            while True:
                await watch.next(float(value or 10))
        except TimeoutError:
            watch.cancel()
    else:
        raise SystemExit(f"unknown command {verb!r}: read, discover, write, exec, observe")


async def _main():
    p = argparse.ArgumentParser(description="wait for an LwM2M client and talk to it")
    p.add_argument("--bind", default="127.0.0.1")
    p.add_argument("--port", type=int, default=5683)
    p.add_argument("--wait", type=float, default=60, help="seconds to wait for a client")
    p.add_argument("commands", nargs="*", help="read:/3/0  write:/26242/0/13=60  exec:/1/0/8 …")
    args = p.parse_args()
    begin = time.monotonic()

    def log(kind, text):
        print(f"[{time.monotonic() - begin:8.3f}] {kind:8} {text}", flush=True)

    server = await Server(args.bind, args.port, log=log).start()
    try:
        client = await server.wait_for_client(timeout=args.wait)
        for text in args.commands:
            await _command(server, client, text)
    except (TimeoutError, LwM2MError) as e:
        print(e, file=sys.stderr)
        return 1
    finally:
        await server.stop()
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(asyncio.run(_main()))
