#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OSCORE (RFC 8613): our engine against aiocoap and libcoap's tools, each as client and
as server; what comes after a restart of either end (Appendix B); what is not protected.
Loopback only. Prints TAP.

usage: oscore-peers.py [PATH-OF-coap_peer]
"""
import asyncio
import json
import logging
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import types


def stand_in(name, **members):
    """aiocoap asks for modules that plain OSCORE makes no use of."""
    try:
        __import__(name)
    except ImportError:
        module = types.ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module


class NoLock:
    """One process, and each context is opened once."""

    def __init__(self, path):
        self.lock_file = path

    def acquire(self, timeout=None):
        pass

    def release(self):
        open(self.lock_file, "w").close()


stand_in("lakers")
stand_in("ge25519")
stand_in("filelock", FileLock=NoLock)

import aiocoap                              # noqa: E402
import aiocoap.credentials                  # noqa: E402
import aiocoap.oscore                       # noqa: E402
import aiocoap.oscore_sitewrapper           # noqa: E402
import aiocoap.resource                     # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from stack import free_port                 # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEER = sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, "build/out/release/interop/coap_peer")
LARGE = random.Random(7).randbytes(40000)
SECRET, SALT = "0102030405060708090a0b0c0d0e0f10", "9e7ca92223786340"
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


class Keys:
    """One pair of contexts: ours in a file of coap_peer, theirs as they want it."""

    def __init__(self, tmp, ours="aa", theirs="bb", algorithm=10, context=None, **more):
        self.dir = tempfile.mkdtemp(dir=tmp)
        self.ours, self.theirs, self.context = ours, theirs, context
        self.algorithm, self.secret = algorithm, random.randbytes(16).hex()
        self.path = os.path.join(self.dir, "ours")
        self.state = self.path + ".state"
        with open(self.path, "w") as f:
            f.write(f"secret {self.secret}\nsalt {SALT}\nsender {ours}\nrecipient {theirs}\n"
                    f"aead {algorithm}\nstate {self.state}\n")
            if context is not None:
                f.write(f"context {context}\n")
            for name in more:
                f.write(name + "\n")

    def aiocoap(self):
        basedir = os.path.join(self.dir, "aiocoap")
        os.makedirs(basedir, exist_ok=True)
        settings = {"sender-id_hex": self.theirs, "recipient-id_hex": self.ours,
                    "secret_hex": self.secret, "salt_hex": SALT,
                    "algorithm": next(n for n, a in aiocoap.oscore.algorithms.items()
                                      if a.value == self.algorithm)}
        if self.context is not None:
            settings["id-context_hex"] = self.context
        with open(os.path.join(basedir, "settings.json"), "w") as f:
            json.dump(settings, f)
        return basedir

    def libcoap(self, **more):
        path = os.path.join(self.dir, "libcoap")
        with open(path, "w") as f:
            f.write(f'master_secret,hex,"{self.secret}"\nmaster_salt,hex,"{SALT}"\n'
                    f'sender_id,hex,"{self.theirs}"\nrecipient_id,hex,"{self.ours}"\n'
                    f'aead_alg,integer,{self.algorithm}\n')
            if self.context is not None:
                f.write(f'id_context,hex,"{self.context}"\n')
            for name, value in more.items():
                f.write(f"{name},bool,{value}\n")
        return path


class OurServer:
    def __init__(self, keys):
        self.keys = keys
        self.port = free_port()
        self.start()

    def start(self):
        self.process = subprocess.Popen([PEER, "server", str(self.port), self.keys.path],
                                        stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        same(self.process.stderr.readline(), b"ready\n")

    def stop(self, kill=False):
        if kill:
            self.process.kill()
        self.process.stdin.close()
        self.process.wait(60)


async def ours(keys, port, *args, ok=True):
    p = await asyncio.create_subprocess_exec(
        PEER, "client", "-O", keys.path, "127.0.0.1", str(port), *args,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await p.communicate()
    if ok and p.returncode:
        raise AssertionError(err.decode())
    return out, err.decode()


# ---- aiocoap's client at our server ----------------------------------------------------


async def client_context(keys, port):
    context = await aiocoap.Context.create_client_context()
    context.client_credentials.load_from_dict(
        {f"coap://127.0.0.1:{port}/*": {"oscore": {"basedir": keys.aiocoap()}}})
    return context


async def request(context, code, uri, payload=b"", **options):
    return await context.request(
        aiocoap.Message(code=code, uri=uri, payload=payload, **options)).response


async def put_get(context, base):
    same((await request(context, aiocoap.PUT, base + "/store", LARGE)).code, aiocoap.CHANGED)
    r = await request(context, aiocoap.GET, base + "/store")
    same(r.code, aiocoap.CONTENT)
    same(r.payload, LARGE)
    same(type(r.remote).__name__, "OSCOREAddress")


async def observe(context, base, code):
    pending = context.request(aiocoap.Message(code=code, uri=base + "/tick", observe=0,
                                              payload=b"x" if code == aiocoap.FETCH else b""))
    same((await pending.response).payload[:5], b"tick ")
    numbers = []
    async for r in pending.observation:
        numbers.append(int(r.payload.split()[1]))
        if len(numbers) >= 6:
            break
    pending.observation.cancel()
    same(numbers, sorted(set(numbers)))


async def errors(context, base):
    same((await request(context, aiocoap.GET, base + "/none")).code, aiocoap.NOT_FOUND)
    same((await request(context, aiocoap.GET, base + "/slow")).payload, b"slow")
    same((await request(context, aiocoap.FETCH, base + "/echo", b"abc")).payload, b"abc")


async def counter(context, base, want):
    r = await request(context, aiocoap.POST, base + "/counter")
    same((r.code, r.payload), (aiocoap.CHANGED, str(want).encode()))


async def plain_refused(base):
    context = await aiocoap.Context.create_client_context()
    try:
        r = await request(context, aiocoap.GET, base + "/counter")
        same(r.code, aiocoap.UNAUTHORIZED)
        same(r.opt.max_age, 0)
    finally:
        await context.shutdown()


async def killed(context, base, server):
    """After kill -9 the window is not known: the server asks for Echo, aiocoap gives it."""
    await counter(context, base, 1)
    await counter(context, base, 2)
    server.stop(kill=True)
    server.start()
    await counter(context, base, 1)
    await counter(context, base, 2)
    server.stop()
    server.start()
    await counter(context, base, 1)


async def aiocoap_at_ours(tmp):
    for algorithm in (10, 1, 3, 24, 30):
        keys = Keys(tmp, algorithm=algorithm, context="0badc0de" if algorithm == 10 else None)
        server = OurServer(keys)
        context = await client_context(keys, server.port)
        base = f"coap://127.0.0.1:{server.port}"
        try:
            await check(f"aiocoap: AEAD {algorithm}: PUT and GET of 40000 bytes",
                        put_get(context, base))
            if algorithm != 10:
                continue
            await check("aiocoap: errors, a separate response, FETCH", errors(context, base))
            await check("aiocoap: Observe", observe(context, base, aiocoap.GET))
            await check("aiocoap: Observe with FETCH", observe(context, base, aiocoap.FETCH))
            await check("aiocoap: what is not protected is refused", plain_refused(base))
            await check("aiocoap: our server is killed, and stopped, and starts again",
                        killed(context, base, server))
        finally:
            await context.shutdown()
            server.stop()


# ---- our client at aiocoap's server ----------------------------------------------------


class Store(aiocoap.resource.Resource):
    def __init__(self):
        super().__init__()
        self.body = b""

    async def render_put(self, message):
        self.body = message.payload
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_get(self, message):
        if not isinstance(message.remote.authenticated_claims, list) or \
                not message.remote.authenticated_claims:
            return aiocoap.Message(code=aiocoap.UNAUTHORIZED)
        return aiocoap.Message(payload=self.body)


class Slow(aiocoap.resource.Resource):
    async def render_post(self, message):
        await asyncio.sleep(1.5)
        return aiocoap.Message(code=aiocoap.CHANGED, payload=b"done")


async def aiocoap_server(keys, port):
    site = aiocoap.resource.Site()
    site.add_resource(["store"], Store())
    site.add_resource(["slow"], Slow())
    credentials = aiocoap.credentials.CredentialsMap()
    credentials.load_from_dict({":ours": {"oscore": {"basedir": keys.aiocoap()}}})
    return await aiocoap.Context.create_server_context(
        aiocoap.oscore_sitewrapper.OscoreSiteWrapper(site, credentials),
        bind=("127.0.0.1", port))


async def our_put_get(keys, port, path):
    _, err = await ours(keys, port, "put", "store", path)
    same("2.04" in err, True)
    out, _ = await ours(keys, port, "get", "store")
    same(out, LARGE)


async def our_small(keys, port):
    out, _ = await ours(keys, port, "post", "slow")
    same(out, b"done")
    _, err = await ours(keys, port, "get", "none")
    same("4.04" in err, True)


async def echo_asked(keys, port):
    """aiocoap lost its window: it answers 4.01 with Echo, and we say it again."""
    with open(os.path.join(keys.aiocoap(), "sequence.json"), "w") as f:
        json.dump({"next-to-send": 1000, "received": "unknown"}, f)
    context = await aiocoap_server(keys, port)
    try:
        out, err = await ours(keys, port, "get", "store")
        same("2.05" in err, True)
        same(out, b"")
    finally:
        await context.shutdown()


async def not_known(keys, port):
    _, err = await ours(keys, port, "get", "store", ok=False)
    same("Key was rejected" in err, True)


async def ours_at_aiocoap(tmp):
    large = os.path.join(tmp, "large")
    with open(large, "wb") as f:
        f.write(LARGE)
    keys, port = Keys(tmp, ours="", theirs="01"), free_port()
    context = await aiocoap_server(keys, port)
    await check("our client: PUT and GET of 40000 bytes at aiocoap", our_put_get(keys, port, large))
    await check("our client: separate response, error", our_small(keys, port))
    await check("our client: a context that aiocoap does not have",
                not_known(Keys(tmp, ours="77", theirs="78"), port))
    await context.shutdown()
    await check("our client: Echo asked for", echo_asked(Keys(tmp, ours="05", theirs="06"), port))


# ---- libcoap's tools ------------------------------------------------------------------------


async def run(*args):
    p = await asyncio.create_subprocess_exec(*args, stdout=subprocess.PIPE,
                                             stderr=subprocess.STDOUT)
    out, _ = await p.communicate()
    return out.removesuffix(b"\n")


async def libcoap_client(port, conf):
    for want in (b"1", b"2"):
        same(await run("coap-client-openssl", "-E", conf, "-B", "50", "-m", "post",
                       f"coap://127.0.0.1:{port}/counter"), want)


async def libcoap_client_blocks(port, conf):
    out = await run("coap-client-openssl", "-E", conf, "-B", "50", f"coap://127.0.0.1:{port}/big")
    same(len(out), 5000)


async def libcoap_observe(port, conf):
    for seconds in ("3", "9", "27"):    # longer where too little comes
        out = await run("coap-client-openssl", "-E", conf, "-B", seconds, "-s", seconds,
                        f"coap://127.0.0.1:{port}/tick")
        if out.count(b"tick ") >= 4:
            return
    raise AssertionError(f"few ticks: {out[-200:]}")


class LibcoapServer:
    def __init__(self, conf):
        self.conf, self.port = conf, free_port()
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["coap-server-openssl", "-A", "127.0.0.1", "-p", str(self.port), "-E", self.conf,
             "-d", "10"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait()

    def wait(self):
        """It is there when it answers a CoAP ping, an empty message that needs no context."""
        end = time.monotonic() + 60
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", self.port))
            s.settimeout(0.1)
            while time.monotonic() < end and self.process.poll() is None:
                try:
                    s.send(bytes.fromhex("40000001"))
                    if s.recv(64) == bytes.fromhex("70000001"):
                        return
                except ConnectionRefusedError:
                    time.sleep(0.05)
                except TimeoutError:
                    pass
        raise AssertionError(f"coap-server does not answer (status {self.process.poll()})")

    def crashed(self):
        """The signal that ended it, or 0."""
        try:
            return max(0, -self.process.wait(0.5))
        except subprocess.TimeoutExpired:
            return 0

    def stop(self):
        self.process.kill()
        self.process.wait(60)


async def at_libcoap(keys, port, path):
    out, _ = await ours(keys, port, "get", "time")
    same(len(out) > 5, True)
    _, err = await ours(keys, port, "put", "example_data", path)
    same("2.0" in err, True)
    out, _ = await ours(keys, port, "get", "example_data")
    same(out, LARGE[:3000])


async def rederived(keys, server):
    """Appendix B.2: no end trusts what it has; a context of both is made, and lasts."""
    out, _ = await ours(keys, server.port, "get", "time")
    same(len(out) > 5, True)
    same(os.path.getsize(keys.state) > 40, True)  # with the ID Context that was made
    out, _ = await ours(keys, server.port, "get", "time")
    same(len(out) > 5, True)


async def rederived_twice(tmp):
    """The same, and once more when the server has forgotten it. libcoap takes an ID Context
    that it does not know, R2 and R3 of before, for a CBOR byte string, and dies where these
    random bytes are a longer one (an assertion of oscore_cbor.c, or worse; 4.3.4). Then it
    is done again with other bytes; anything else is a failure."""
    for _ in range(20):
        keys = Keys(tmp, rederive=True)
        server = LibcoapServer(keys.libcoap(rfc8613_b_1_2="false", rfc8613_b_2="true"))
        try:
            await rederived(keys, server)
            server.stop()
            server.start()
            out, err = await ours(keys, server.port, "get", "time", ok=False)
            if out == b"" and (signal := server.crashed()):
                print(f"# coap-server died of signal {signal}; once more", flush=True)
                continue
            same((len(out) > 5, err if not out else ""), (True, ""))
            return
        finally:
            server.stop()
    raise AssertionError("coap-server died each time")


async def with_libcoap(tmp):
    small = os.path.join(tmp, "small")
    with open(small, "wb") as f:
        f.write(LARGE[:3000])
    off = {"rfc8613_b_1_2": "false", "rfc8613_b_2": "false"}
    for test, what in ((libcoap_client, "POST twice"), (libcoap_client_blocks, "blocks"),
                       (libcoap_observe, "Observe")):
        keys = Keys(tmp)
        server = OurServer(keys)
        # its sequence number goes on in a file
        conf = f"{keys.libcoap(**off)},{keys.path}.seq"
        await check(f"libcoap's client: {what}", test(server.port, conf))
        server.stop()
    keys = Keys(tmp)
    server = LibcoapServer(keys.libcoap(**off))
    await check("our client: blocks both ways at libcoap", at_libcoap(keys, server.port, small))
    server.stop()
    keys = Keys(tmp)
    server = LibcoapServer(keys.libcoap(rfc8613_b_1_2="true", rfc8613_b_2="false"))
    await check("our client: Echo asked for by libcoap (B.1.2)",
                at_libcoap(keys, server.port, small))
    server.stop()
    await check("our client: B.2 with libcoap, and once more after its restart",
                rederived_twice(tmp))
    keys = Keys(tmp)
    server = OurServer(keys)
    conf = keys.libcoap(rfc8613_b_1_2="false", rfc8613_b_2="true")
    await check("libcoap's client: begins B.2", libcoap_b2(server.port, conf))
    server.stop()


async def libcoap_b2(port, conf):
    """Each run of it has lost everything."""
    for want in (b"1", b"2", b"3"):
        same(await run("coap-client-openssl", "-E", conf, "-B", "50", "-m", "post",
                       f"coap://127.0.0.1:{port}/counter"), want)


async def main():
    logging.disable(logging.CRITICAL)
    tmp = tempfile.mkdtemp(prefix="oscore-")
    try:
        await aiocoap_at_ours(tmp)
        await ours_at_aiocoap(tmp)
        await with_libcoap(tmp)
    finally:
        shutil.rmtree(tmp)
    print(f"1..{count}")


def leave(status):
    """aiocoap would store contexts on its way out, into folders that are gone."""
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except Exception as e:  # whoever reads TAP lines only has to learn of it, too
        failed += 1
        print(f"not ok {count + 1} - the test goes on to its end: {type(e).__name__}: {e}")
    leave(failed != 0)
