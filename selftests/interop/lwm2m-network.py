#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An address of the device changes under semd: its server hears of it at once, from the new
address. Prints TAP; runs itself in a network namespace; run inside the Debian 13 root as root.
"""

import asyncio
import logging
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import lwm2m_server  # noqa: E402
from stack import Stack  # noqa: E402
from tap import tap  # noqa: E402

SERVER, PORT = "10.64.0.1", 5683


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def source(address):
    """From now on the way to the server begins at this address."""
    ip("route", "replace", "local", SERVER, "dev", "lo", "table", "local", "src", address)


async def main():
    logging.disable(logging.CRITICAL)
    ip("link", "set", "lo", "up")
    for address in (SERVER, "10.64.0.2", "10.64.0.3"):
        ip("addr", "add", f"{address}/32", "dev", "lo")
    source("10.64.0.2")
    server = await lwm2m_server.Server(host=SERVER, port=PORT).start()
    stack = Stack(f"coap://{SERVER}:{PORT}")
    try:
        stack.start()
        client = await server.wait_for_client()
        tap("10.64.0.2" in client.remote.hostinfo, "registered", client.remote.hostinfo)

        # another address that changes nothing of the way to the server
        count = server._next, client.updates
        ip("addr", "add", "10.64.0.4/32", "dev", "lo")
        await asyncio.sleep(2)
        tap(count == (server._next, client.updates) and "network" not in stack.text("semd.log"),
            "an address more, the way as before: nothing is said")

        source("10.64.0.3")
        ip("addr", "del", "10.64.0.4/32", "dev", "lo")
        await server.wait_for(lambda s: any("10.64.0.3" in c.remote.hostinfo
                                            for c in s.clients.values()), 60,
                              "a word from the new address")
        client = next(c for c in server.clients.values() if "10.64.0.3" in c.remote.hostinfo)
        tap(True, "another way: the server hears from the new address", client.remote.hostinfo)
        _, name = await server.read_value(client, (26241, 0, 0))
        tap(name == "se0", "and can ask there", name)
    except (AssertionError, TimeoutError, lwm2m_server.LwM2MError) as e:
        tap(False, "the dialogue", f"{type(e).__name__}: {e}")
        for line in stack.text("semd.log").splitlines()[-30:]:
            print(f"# semd: {line}")
    finally:
        ended = await asyncio.get_running_loop().run_in_executor(None, stack.stop)
        tap(ended == 0, "semd ends with status 0 on SIGTERM")
        stack.remove()
        await server.stop()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        os.execvp("unshare", ["unshare", "-n", sys.executable, os.path.abspath(__file__), "in"])
    asyncio.run(main())
    sys.exit(tap.done())
