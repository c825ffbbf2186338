#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bootstrap of semd, against the project's own bootstrap server and softse's PKCS #15
application: card (plain, PIN, SCP03), factory file, client- and server-initiated, all
operations, pack, fallback, and what a card that changes or goes leaves behind. The names in
brackets are OMA's test cases (ETS 1.1 and 1.2)."""

import asyncio
import importlib
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../server"))

import codec  # noqa: E402
import gp  # noqa: E402
import lwm2m_server  # noqa: E402
from bootstrap_server import BootstrapServer, pack_of  # noqa: E402
from scp03 import Keys  # noqa: E402
from stack import Stack, free_port  # noqa: E402
from tap import tap  # noqa: E402

ENDPOINT = "urn:dev:ops:bootstrap"
PKCS15 = bytes.fromhex("A000000063504B43532D3135")


def account(port, ssid=101, lifetime=300):
    """Objects 0 and 1 of one server without security."""
    return ({0: f"coap://127.0.0.1:{port}", 1: False, 2: 3, 10: ssid},
            {0: ssid, 1: lifetime, 6: True, 7: "U"})


def bsfile(objects):
    """A bootstrap file: {object: {instance: {rid: value}}}."""
    body = b""
    for obj, instances in objects.items():
        tlv = b"".join(codec.tlv_entry(codec.INSTANCE, i, codec.encode_resources_tlv(obj, r))
                       for i, r in instances.items())
        body += struct.pack(">HBH", obj, 0, len(tlv)) + tlv
    return struct.pack(">HH", len(objects), len(body)) + body


class BootstrapStack(Stack):
    """One that may have no [server] section at all."""

    def start_card(self, applet):
        """A software SE with one of the kinds of PKCS #15 application."""
        with open(self.path("profile"), "w", encoding="ascii") as f:
            f.write(f"applet = {applet}\n")
        self.start_softse(f"--profile={self.path('profile')}")

    def write_config(self):
        super().write_config()
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text.replace("[server test]\n\n", ""))


class Bench:
    """A server, a bootstrap server, and semd between them and a software SE."""

    def __init__(self, session=None, sections=None, bs_section=True):
        self.port, self.bs_port = free_port(), free_port()
        self.server = self.bs = None
        self.session = session
        conf = {"server.uri": None, "server.endpoint": None, "server.lifetime": None,
                "server.ssid": None, "lwm2m.endpoint": ENDPOINT, "lwm2m.allow_nosec": "yes"}
        if bs_section:
            conf.update({"server.uri": f"coap://127.0.0.1:{self.bs_port}",
                         "server.bootstrap": "yes"})
        conf.update(sections or {})
        self.stack = BootstrapStack(None, conf)

    async def __aenter__(self):
        self.server = await lwm2m_server.Server("127.0.0.1", self.port,
                                                versions=("1.0", "1.1", "1.2")).start()
        self.bs = await BootstrapServer(self.session or self.standard, "127.0.0.1",
                                        self.bs_port).start()
        return self

    async def start(self):
        self.stack.start_softse()
        self.start_semd()

    def start_semd(self):
        self.stack.start_semd()

    async def standard(self, server, client):
        security, srv = account(self.port)
        await server.bs_delete(client, "/0")
        await server.bs_delete(client, "/1")
        await server.bs_write(client, "/0/1", security)
        await server.bs_write(client, "/1/0", srv)
        await server.finish(client)

    async def registered(self, seconds=60, server=None):
        try:
            return await (server or self.server).wait_for_client(ENDPOINT, seconds)
        except asyncio.TimeoutError as e:
            raise AssertionError(f"{e}; semd says:\n" + self.stack.text("semd.log")) from e

    async def sessions(self, n=1, seconds=60):
        try:
            await self.bs.wait_for(lambda s: sum(t.done() for t in s.sessions) >= n, seconds)
        except asyncio.TimeoutError as e:
            raise AssertionError(f"{len(self.bs.sessions)} sessions; semd says:\n"
                                 + self.stack.text("semd.log")) from e
        for task in self.bs.sessions:
            if task.done():
                task.result()

    async def __aexit__(self, kind, error, trace):
        status = await asyncio.get_running_loop().run_in_executor(None, self.stack.stop)
        await self.server.stop()
        await self.bs.stop()
        if kind is None:
            assert status == 0, f"semd ended with {status}"
        else:
            for line in self.stack.text("semd.log").splitlines()[-40:]:
                print(f"# semd: {line}")
        self.stack.remove()


async def client_initiated():
    """[int-0, int-1 without DTLS] request, writes, Discover, Finish, Register"""
    seen = {}

    async def session(server, client):
        security, srv = account(bench.port)
        await server.bs_write(client, "/0", {1: security})
        await server.bs_write(client, "/1", {0: srv})
        seen["links"] = await server.bs_discover(client)
        await server.finish(client)

    async with Bench(session) as bench:
        await bench.start()
        client = await bench.registered()
        assert bench.bs.requests == [{"ep": ENDPOINT, "pct": "112"}], bench.bs.requests
        assert seen["links"].startswith("</>;lwm2m=1.2,"), seen
        assert f'</0/1>;ssid=101;uri="coap://127.0.0.1:{bench.port}"' in seen["links"], seen
        assert "</1/0>;ssid=101" in seen["links"] and "</3/0>" in seen["links"], seen
        _, lifetime = await bench.server.read_value(client, "/1/0/1")
        assert lifetime == 300, lifetime
        # a restart needs no bootstrap
        await asyncio.to_thread(bench.stack.stop_semd)
        bench.start_semd()
        before = client.updates
        await bench.server.wait_for(
            lambda s: any(c.updates > before or c is not client for c in s.clients.values()), 60,
            "a registration after the restart")
        assert len(bench.bs.requests) == 1, bench.bs.requests


async def operations():
    """[int-4, int-8] Delete, Read, formats; the bootstrap account outlives it all"""
    seen = {}

    async def session(server, client):
        security, srv = account(bench.port)
        for cf in (codec.TLV, codec.SENML_CBOR, codec.SENML_JSON, codec.LWM2M_CBOR):
            await server.bs_write(client, "/0/1", security, cf)
            await server.bs_write(client, "/1/0", srv, cf)
        await server.bs_write(client, "/1/0/1", 43200)
        seen["read"] = await server.bs_read(client, "/1")
        seen["before"] = await server.bs_discover(client, "/0")
        try:
            await server.bs_delete(client, "/0/0")
        except lwm2m_server.LwM2MError as e:
            seen["own"] = e.code
        try:
            await server.bs_read(client, "/0")
        except lwm2m_server.LwM2MError as e:
            seen["keys"] = e.code
        await server.bs_delete(client, "/")
        seen["after"] = await server.bs_discover(client, "/")
        await server.bs_write(client, "/0/1", security)
        await server.bs_write(client, "/1/0", srv)
        await server.finish(client)

    async with Bench(session) as bench:
        await bench.start()
        await bench.registered()
        assert seen["read"][(1, 0, 1)] == 43200, seen
        assert "</0/0>" in seen["before"] and "</0/1>;ssid=101" in seen["before"], seen
        assert seen["own"] == "4.00" and seen["keys"] == "4.05", seen
        assert "</0/0>" in seen["after"] and "</0/1>" not in seen["after"], seen
        assert "</1/0>" not in seen["after"] and "</3/0>" in seen["after"], seen


async def consistency():
    """[int-9] Finish of half a configuration is 4.06 and changes nothing; mended, it is 2.04"""
    seen = []

    async def session(server, client):
        security, srv = account(bench.port)
        await server.bs_write(client, "/1/0/5", 86400)
        try:
            await server.finish(client)
        except lwm2m_server.LwM2MError as e:
            seen.append((e.code, e.diagnostic))
        await server.bs_write(client, "/0/1", security)
        await server.bs_write(client, "/1/0", srv)
        await server.finish(client)

    async with Bench(session) as bench:
        await bench.start()
        await bench.registered()
        assert seen[0][0] == "4.06" and seen[0][1], seen


async def pack():
    """[1.2-int-12] a pack instead of a session; a broken one falls back to a session"""
    async with Bench(sections={"bootstrap.pack": "yes"}) as bench:
        security, srv = account(bench.port)
        bench.bs.pack = pack_of({"/0/0": security, "/1/0": srv})
        await bench.start()
        await bench.registered()
        assert bench.bs.packs == 1 and not bench.bs.requests
    async with Bench(sections={"bootstrap.pack": "yes"}) as bench:
        _, srv = account(bench.port)
        bench.bs.pack = pack_of({"/1/0": srv})
        await bench.start()
        await bench.registered()
        assert bench.bs.packs == 1 and len(bench.bs.requests) == 1


async def server_initiated():
    """[int-5] Execute /1/x/9: another server, which the first one hears nothing of"""
    other = None

    async def session(server, client):
        first = len(server.sessions) == 1
        security, srv = account(bench.port if first else other.port, 101 if first else 102)
        await server.bs_delete(client, "/0")
        await server.bs_delete(client, "/1")
        await server.bs_write(client, "/0/1", security)
        await server.bs_write(client, "/1/0", srv)
        await server.finish(client)

    async with Bench(session) as bench:
        other = await lwm2m_server.Server("127.0.0.1", free_port(),
                                          versions=("1.0", "1.1", "1.2")).start()
        try:
            await bench.start()
            client = await bench.registered()
            await bench.server.execute(client, "/1/0/9")
            await bench.registered(server=other)
            await bench.sessions(2)
            await bench.server.wait_for(lambda s: not s.clients, 60, "a farewell")
        finally:
            await other.stop()


async def refused():
    """a server that refuses is asked again; nothing is lost meanwhile"""
    async with Bench() as bench:
        bench.bs.refuse = lwm2m_server.BAD_REQUEST
        await bench.start()
        await asyncio.sleep(0)
        end = time.monotonic() + 60
        while len(bench.bs.requests) < 2 and time.monotonic() < end:
            await asyncio.sleep(0.1)
        # with pct, and as 1.0 has it
        assert bench.bs.requests[:2] == [{"ep": ENDPOINT, "pct": "112"}, {"ep": ENDPOINT}], \
            bench.bs.requests
        bench.bs.refuse = None
        await bench.registered(120)


# -- the card


def write_card(stack, content, fid=0x6432):
    """What the issuer of the card puts into a file: STORE DATA in a session of SCP03."""
    peer = importlib.import_module("scp03-softse")
    keys = Keys(0x30, *(bytes(range(0x40, 0x50)),) * 3)
    card = stack.connect() if hasattr(stack, "connect") else peer.Card(stack.socket)
    try:
        s = peer.session(card, keys, 0x01)
        peer.command(card, s, gp.capdu(0x80, 0xE6, 0x20, 0x00,
                                       b"\0\0" + bytes([len(PKCS15)]) + PKCS15 + b"\0\0\0", 0))
        assert len(content) < 200
        peer.command(card, s, gp.capdu(0x80, 0xE2, 0x80, 0x00,
                                       struct.pack(">HB", fid, len(content)) + content))
    finally:
        card.close()


def card_file(port, ssid=43, lifetime=43200):
    security, srv = account(port, ssid, lifetime)
    return bsfile({0: {0: security}, 1: {0: srv}})


async def card_walk(applet, expected, **conf):
    """One way to protect the file: semd registers where the card says. expected: how
    many (VERIFY, INITIALIZE UPDATE) the walk at the start has."""
    sections = {"bootstrap.card": "se0", **{f"bootstrap.{k}": v for k, v in conf.items()}}
    keyset = conf.pop("keyset", None)
    async with Bench(sections=sections, bs_section=False) as bench:
        stack = bench.stack
        if keyset:
            stack.set[f"keyset {keyset}.keys"] = "default"
        if "pin_file" in conf:
            stack.set["bootstrap.pin_file"] = stack.path("pin")
            with open(os.open(stack.path("pin"), os.O_CREAT | os.O_WRONLY, 0o600), "w",
                      encoding="ascii") as f:
                f.write("1234\n")
        stack.start_card(applet)
        write_card(stack, card_file(bench.port))
        before = len(stack.apdus())
        bench.start_semd()
        client = await bench.registered()
        _, lifetime = await bench.server.read_value(client, "/1/0/1")
        assert lifetime == 43200, lifetime
        seen = [w[3][2:4] for w in stack.apdus()[before:]]
        # channels are opened for what object 26241 tells, for the walk at the start, and
        # for the one at the Register, which may still be under way
        walk = "".join(seen).split("70")[2]
        walk = [walk[i:i + 2] for i in range(0, len(walk), 2)]
        assert walk.count("B0") == (4 if "pin_file" in conf else 3), seen  # AODF with a PIN
        assert (walk.count("20"), walk.count("50")) == expected, seen


async def card_plain():
    """[int-3] from a card whose file everybody may read"""
    await card_walk("pkcs15", (0, 0))


async def card_pin():
    """[int-3] from a card with a PIN, which is asked how many tries it has, and given once"""
    await card_walk("pkcs15-pin", (2, 0), pin_file="set")


async def card_scp03():
    """[int-3] from a card that shows the file in a secure channel only (appendix H)"""
    await card_walk("pkcs15-scp03", (0, 1), keyset="card")


async def card_changes():
    """[int-3, int-6] the card comes before what is configured; at an Update it has another
    server; it has nothing any more: what was configured is used again"""
    second = await lwm2m_server.Server("127.0.0.1", free_port(),
                                       versions=("1.0", "1.1", "1.2")).start()
    third = await lwm2m_server.Server("127.0.0.1", free_port(),
                                      versions=("1.0", "1.1", "1.2")).start()
    try:
        async with Bench(sections={"bootstrap.card": "se0"}, bs_section=False) as bench:
            stack = bench.stack
            stack.set.update({"server.uri": f"coap://127.0.0.1:{bench.port}",
                              "server.ssid": "7", "server.lifetime": "300"})
            stack.start_card("pkcs15")
            write_card(stack, card_file(second.port, 43))
            bench.start_semd()
            client = await bench.registered(server=second)
            assert not bench.server.clients  # the configured one has to wait
            # nothing happens for an Update with the same card
            await second.execute(client, "/1/0/8")
            await second.wait_for(lambda s: client.updates > 0, 60, "an Update")
            # semd may not have the answer yet: the next Update follows at once then, and
            # the card is looked at for that one, too
            write_card(stack, card_file(third.port, 44))
            await second.execute(client, "/1/0/8")
            client = await bench.registered(server=third)
            await second.wait_for(lambda s: not s.clients, 60, "a farewell")
            write_card(stack, b"\xff" * 8)
            await third.execute(client, "/1/0/8")
            await bench.registered()
            await third.wait_for(lambda s: not s.clients, 60, "a farewell")
    finally:
        await second.stop()
        await third.stop()


async def factory():
    """[int-6] a factory file; an unreachable server in it, then a bootstrap server [int-7]"""
    async with Bench(bs_section=False) as bench:
        security, srv = account(bench.port, 9, 77)
        path = bench.stack.path("factory.bin")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as f:
            f.write(bsfile({0: {0: security}, 1: {0: srv}}))
        bench.stack.set["bootstrap.file"] = path
        await bench.start()
        client = await bench.registered()
        assert (await bench.server.read_value(client, "/1/0/1"))[1] == 77
    async with Bench(bs_section=False) as bench:
        security, srv = account(free_port(), 9, 77)
        srv.update({17: 1, 18: 1, 20: 1})
        bs = {0: f"coap://127.0.0.1:{bench.bs_port}", 1: True, 2: 3}
        path = bench.stack.path("factory.bin")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as f:
            f.write(bsfile({0: {0: bs, 1: security}, 1: {0: srv}}))
        bench.stack.set["bootstrap.file"] = path
        await bench.start()
        await bench.registered(120)
        assert len(bench.bs.requests) == 1


async def through_the_driver():
    """[int-3] in the virtual machine: from a card with a PIN behind /dev/se0"""
    owner, vm = importlib.import_module("card_owner"), importlib.import_module("ifd-vm")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for m in ("se", "se-spi", "se-sim"):
        subprocess.run(["insmod", f"{vm.MODULES}/{m}.ko"], check=True)
    async with Bench(sections={"bootstrap.card": "se0", "se.open": "ioctl:/dev/se0"},
                     bs_section=False) as bench:
        stack = bench.stack
        stack.set["bootstrap.pin_file"] = stack.path("pin")
        with open(os.open(stack.path("pin"), os.O_CREAT | os.O_WRONLY, 0o600), "w",
                  encoding="ascii") as f:
            f.write("1234\n")
        with open(stack.path("profile"), "w", encoding="ascii") as f:
            f.write("applet = pkcs15-pin\n")
        stack.connect = lambda: owner.Device("/dev/se0")
        with vm.Softse("--sim", f"--profile={stack.path('profile')}",
                       f"--log={stack.apdu_log}", vpcd=False):
            assert vm.node(True), "the driver finds no SE"
            write_card(stack, card_file(bench.port))
            before = len(stack.apdus())
            bench.start_semd()
            client = await bench.registered(60)
            _, lifetime = await bench.server.read_value(client, "/1/0/1")
            assert lifetime == 43200, lifetime
            seen = [w[3][2:4] for w in stack.apdus()[before:]]
            assert seen.count("20") >= 2 and seen.count("B0") >= 4, seen
            await asyncio.get_running_loop().run_in_executor(None, stack.stop_semd)


TESTS = [client_initiated, operations, consistency, pack, server_initiated, refused,
         card_plain, card_pin, card_scp03, card_changes, factory]


def main():
    chosen = [t for t in TESTS if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    if sys.argv[1:] == ["--vm"]:
        chosen = [through_the_driver]
    for test in chosen:
        began = time.monotonic()
        try:
            asyncio.run(test())
            tap(True, " ".join(test.__doc__.split()), f"{time.monotonic() - began:.1f} s")
        except Exception as e:  # whatever it is, the others go on
            tap(False, " ".join(test.__doc__.split()), f"{type(e).__name__}: {e}"[:3000])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
