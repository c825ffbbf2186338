#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""semd and an LwM2M server that speak OSCORE (RFC 8613), on aiocoap: every message is
protected, both ways, also after a restart and after kill -9 of semd. Prints TAP; run inside
the Debian 13 root.
"""

import asyncio
import importlib
import logging
import os
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

peers = importlib.import_module("oscore-peers")  # first: it stands in for what aiocoap wants

import aiocoap  # noqa: E402
import aiocoap.credentials  # noqa: E402
import aiocoap.oscore_sitewrapper  # noqa: E402
import codec  # noqa: E402
import lwm2m_server  # noqa: E402
from aiocoap.numbers.codes import GET  # noqa: E402
from stack import Stack, free_port  # noqa: E402
from tap import tap  # noqa: E402

SE = 26241


class Server(lwm2m_server.Server):
    """Takes what is protected; what is not gets 4.01."""

    def __init__(self, port, keys):
        super().__init__(port=port, versions=("1.1", "1.2"))
        self.keys = keys
        self.plain = 0

    async def start(self):
        self._site = aiocoap.resource.Site()
        self._site.add_resource(["rd"], lwm2m_server._Registrations(self))
        credentials = aiocoap.credentials.CredentialsMap()
        credentials.load_from_dict({":semd": {"oscore": {"basedir": self.keys.aiocoap()}}})
        self._context = await aiocoap.Context.create_server_context(
            aiocoap.oscore_sitewrapper.OscoreSiteWrapper(self._site, credentials),
            bind=(self.host, self.port), transports=["oscore", "udp6"])
        return self

    def _register(self, request):
        if type(request.remote).__name__ != "OSCOREAddress":
            self.plain += 1
            return aiocoap.Message(code=aiocoap.UNAUTHORIZED)
        return super()._register(request)


async def work(server, client, what, value):
    _, name = await server.read_value(client, (SE, 0, 0))
    watch = await server.observe(client, (1, 0, 3))
    await watch.next()
    await server.write(client, (1, 0, 3), value)
    seen = await watch.next()
    _, whole = await server.read(client, (SE, 0), accept=codec.SENML_CBOR)
    tap(name == "se0" and seen == value and len(whole) > 5,
        f"{what}: Read, Observe, Write, notification", f"{name} {seen} {len(whole)} values")
    watch.cancel()


async def main(tmp):
    logging.disable(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    port = free_port()
    keys = peers.Keys(tmp)
    stack = Stack(f"coap://127.0.0.1:{port}")
    with open(os.open(stack.path("secret"), os.O_CREAT | os.O_WRONLY, 0o600), "w",
              encoding="ascii") as f:
        f.write(keys.secret + "\n")
    stack.set = {"server.oscore_secret_file": stack.path("secret"),
                 "server.oscore_sender": keys.ours, "server.oscore_recipient": keys.theirs,
                 "server.oscore_salt": peers.SALT}
    server = await Server(port, keys).start()
    try:
        stack.start()
        client = await server.wait_for_client()
        tap(server.plain == 0, "registration is protected", f"LwM2M {client.version}")
        await work(server, client, "registered", 501)
        for sig, what in ((signal.SIGTERM, "after a restart"), (signal.SIGKILL, "after kill -9")):
            n, updates = server._next, client.updates
            await loop.run_in_executor(None, stack.stop_semd, sig)
            stack.start_semd()
            await server.wait_for(lambda s: s._next > n or client.updates > updates, 60,
                                  f"a Register or an Update {what}")
            client = await server.wait_for_client()
            await asyncio.sleep(0.3)
            await work(server, client, what, 500 + sig)
        plain = aiocoap.Message(code=GET, uri_path=[str(SE), "0", "0"])
        plain.remote = client.remote.underlying_address
        r = await server.answer(plain)
        tap(r.code == aiocoap.UNAUTHORIZED, "what is not protected is refused",
            lwm2m_server.dotted(r.code))
        secret = keys.secret.upper()
        tap(secret not in stack.text("semd.log").upper(), "the secret is in no log")
    except (AssertionError, TimeoutError, aiocoap.error.Error, lwm2m_server.LwM2MError) as e:
        tap(False, "the dialogue", f"{type(e).__name__}: {e}")
        for line in stack.text("semd.log").splitlines()[-30:]:
            print(f"# semd: {line}")
    finally:
        await loop.run_in_executor(None, stack.stop)
        await server.stop()
        stack.remove()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="oscore-") as folder:
        asyncio.run(main(folder))
    peers.leave(tap.done())
