#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our CoAP engine against aiocoap, both ways: aiocoap's client at our server,
our client at aiocoap's server, over UDP and TCP. Loopback only. Prints TAP.

usage: coap-aiocoap.py [PATH-OF-coap_peer]
"""
import asyncio
import logging
import os
import random
import subprocess
import sys
import tempfile

import aiocoap
import aiocoap.resource

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEER = sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, "build/out/release/interop/coap_peer")
LARGE = random.Random(7).randbytes(70000)
failed = 0
count = 0


async def check(name, coroutine):
    global failed, count
    count += 1
    try:
        await asyncio.wait_for(coroutine, 120)
        print(f"ok {count} - {name}", flush=True)
    except Exception as e:  # any failure is a failed test
        failed += 1
        print(f"not ok {count} - {name}\n# {type(e).__name__}: {e}", flush=True)


def same(a, b):
    if a != b:
        raise AssertionError(f"{str(a)[:80]} is not {str(b)[:80]}")


# ---- aiocoap's client at our server ---------------------------------------------------

async def request(context, code, uri, payload=b"", **options):
    message = aiocoap.Message(code=code, uri=uri, payload=payload, **options)
    return await context.request(message).response


async def put_get(context, base):
    same((await request(context, aiocoap.PUT, base + "/store", LARGE)).code, aiocoap.CHANGED)
    r = await request(context, aiocoap.GET, base + "/store")
    same(r.code, aiocoap.CONTENT)
    same(r.payload, LARGE)
    same(int(r.opt.content_format), 42)


async def interleaved(context, base):
    bodies = [random.Random(i).randbytes(3000) for i in range(3)]
    answers = await asyncio.gather(*[
        request(context, aiocoap.FETCH, base + "/echo", b) for b in bodies[:1]],
        put_get(context, base))
    # the example server takes one block only there
    same(answers[0].code, aiocoap.REQUEST_ENTITY_TOO_LARGE)
    r = await request(context, aiocoap.FETCH, base + "/echo", bodies[0][:1000])
    same(r.payload, bodies[0][:1000])


async def slow(context, base):
    answers = await asyncio.gather(request(context, aiocoap.GET, base + "/slow"),
                                   request(context, aiocoap.GET, base + "/big"))
    same(answers[0].payload, b"slow")
    same(len(answers[1].payload), 5000)


async def observe(context, base, code):
    message = aiocoap.Message(code=code, uri=base + "/tick", observe=0,
                              payload=b"x" if code == aiocoap.FETCH else b"")
    pending = context.request(message)
    first = await pending.response
    same(first.payload[:5], b"tick ")
    seen = []
    async for r in pending.observation:
        seen.append(r.payload)
        if len(seen) >= 6:
            break
    pending.observation.cancel()
    numbers = [int(p.split()[1]) for p in seen]
    same(numbers, sorted(set(numbers)))
    same(3000 in [len(p) for p in seen], True)


async def against_our_server():
    port = random.randrange(10000, 30000)
    server = subprocess.Popen([PEER, "server", str(port)], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    server.stderr.readline()
    base = f"coap://127.0.0.1:{port}"
    context = await aiocoap.Context.create_client_context()
    try:
        await check("aiocoap: PUT and GET of 70000 bytes", put_get(context, base))
        await check("aiocoap: two transfers at once", interleaved(context, base))
        await check("aiocoap: separate response, another request meanwhile", slow(context, base))
        await check("aiocoap: Observe", observe(context, base, aiocoap.GET))
        await check("aiocoap: Observe with FETCH", observe(context, base, aiocoap.FETCH))
        base = f"coap+tcp://127.0.0.1:{port}"
        await check("aiocoap over TCP: PUT and GET of 70000 bytes", put_get(context, base))
        await check("aiocoap over TCP: separate response", slow(context, base))
        await check("aiocoap over TCP: Observe", observe(context, base, aiocoap.GET))
    finally:
        await context.shutdown()
        server.stdin.close()
        server.wait(60)


# ---- our client at aiocoap's server ------------------------------------------------------

class Store(aiocoap.resource.Resource):
    def __init__(self):
        super().__init__()
        self.body = b""

    async def render_put(self, message):
        self.body = message.payload
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_get(self, message):
        return aiocoap.Message(payload=self.body)

    async def render_fetch(self, message):
        return aiocoap.Message(code=aiocoap.CONTENT, payload=message.payload * 3)


class Slow(aiocoap.resource.Resource):
    async def render_post(self, message):
        await asyncio.sleep(1.5)
        return aiocoap.Message(code=aiocoap.CHANGED, payload=b"done")


async def ours(port, *args):
    scheme = "coap://"
    if port < 0:
        port, scheme = -port, "coap+tcp://"
    p = await asyncio.create_subprocess_exec(
        PEER, "client", "-s", scheme, "127.0.0.1", str(port), *args,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await p.communicate()
    if p.returncode:
        raise AssertionError(err.decode())
    return out, err.decode()


async def our_put_get(port, path):
    _, err = await ours(port, "put", "store", path)
    same("2.04" in err, True)
    out, _ = await ours(port, "get", "store")
    same(out, LARGE)


async def our_fetch(port, path):
    out, _ = await ours(port, "fetch", "store", path)
    same(out, LARGE[:3000] * 3)


async def our_slow(port):
    out, err = await ours(port, "post", "slow")
    same(out, b"done")


async def our_error(port):
    _, err = await ours(port, "get", "none")
    same("4.04" in err, True)


async def against_aiocoap():
    site = aiocoap.resource.Site()
    site.add_resource(["store"], Store())
    site.add_resource(["slow"], Slow())
    port = random.randrange(10000, 30000)
    context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
    with tempfile.TemporaryDirectory() as tmp:
        large, small = os.path.join(tmp, "large"), os.path.join(tmp, "small")
        with open(large, "wb") as f:
            f.write(LARGE)
        with open(small, "wb") as f:
            f.write(LARGE[:3000])
        await check("our client: PUT and GET of 70000 bytes", our_put_get(port, large))
        await check("our client: FETCH, block-wise both ways", our_fetch(port, small))
        await check("our client: separate response", our_slow(port))
        await check("our client: 4.04", our_error(port))
        # a negative port is one of TCP
        await check("our client over TCP: PUT and GET of 70000 bytes", our_put_get(-port, large))
        await check("our client over TCP: FETCH, block-wise both ways", our_fetch(-port, small))
        await check("our client over TCP: separate response", our_slow(-port))
    await context.shutdown()


async def main():
    logging.disable(logging.WARNING)
    await against_our_server()
    await against_aiocoap()
    print(f"1..{count}")


try:
    asyncio.run(main())
except Exception as e:  # whoever reads TAP lines only has to learn of it, too
    failed += 1
    print(f"not ok {count + 1} - the test goes on to its end: {type(e).__name__}: {e}", flush=True)
    raise
sys.exit(failed != 0)
