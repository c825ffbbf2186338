#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A device from an empty card to a managed application, all of it from the card. sectl has
the card make its key pair and stores the device's certificate and, in its PKCS #15
application, an account that names them. semd, which knows no server, reads that account,
registers over DTLS with the key that stays in the SE, and the server installs, locks and
deletes an application. Then the same begins at a bootstrap server over DTLS with a
pre-shared key in the SE. Prints TAP; run inside the Debian 13 root, or with --vm in the
virtual machine (selftests/rig/vm -- python3 selftests/interop/lwm2m-life.py --vm), where
every command goes through the driver, on /dev/se0.
"""

import asyncio
import importlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import gp  # noqa: E402
from bootstrap_server import BootstrapServer  # noqa: E402
from cryptography.hazmat.primitives import serialization as ser  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from card_issuer import DEFAULT, keyset  # noqa: E402
from lwm2m_server import LwM2MError, Server  # noqa: E402
from stack import OUT, free_port  # noqa: E402
from tap import tap  # noqa: E402

apps = importlib.import_module("lwm2m-apps")
cards = importlib.import_module("lwm2m-bootstrap")
se_keys = importlib.import_module("se-keys")

ENDPOINT = "urn:dev:ops:life"
SSID, LIFETIME = 43, 43200
EF_BOOTSTRAP = 0x6432
KEY, CERT, CA = (f"se:se0/iotsafe/{n}".encode() for n in (10, 40, 41))
SECRET = b"se:se0/iotsafe/20"
TRUST_ANCHOR = 2  # RFC 6698, 2.1.1


def account(port, ssid=SSID):
    """Objects 0 and 1 of a server with certificates, all by reference."""
    return ({0: f"coaps://127.0.0.1:{port}", 1: False, 2: 2, 3: CERT, 4: CA, 5: KEY, 10: ssid,
             15: TRUST_ANCHOR},
            {0: ssid, 1: LIFETIME, 6: True, 7: "U"})


class Front:
    """Ends DTLS in front of a server on UDP, which sees one client, this."""

    def __init__(self, args, log):
        self.port, self.behind = free_port(), free_port()
        self.dtls = se_keys.Terminator(self.port, args, log)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", self.behind))
        self.loop = asyncio.get_running_loop()
        self.loop.add_reader(self.dtls.pair, self._pass, self.dtls.pair, self.udp)
        self.loop.add_reader(self.udp, self._pass, self.udp, self.dtls.pair)

    def _pass(self, source, to):
        try:
            data = source.recv(65536)
            if data:
                to.send(data)
                return
        except ConnectionRefusedError:  # nobody behind it yet
            return
        except OSError:
            pass
        self.loop.remove_reader(source)  # s_server has ended

    def close(self):
        for s in (self.dtls.pair, self.udp):
            self.loop.remove_reader(s)
        self.dtls.close()
        self.udp.close()


class Life(apps.Bench):
    """A card, semd without a server, and servers behind DTLS."""

    def __init__(self):
        stack = cards.BootstrapStack(None, {
            "server.uri": None, "server.endpoint": None, "server.lifetime": None,
            "server.ssid": None, "lwm2m.endpoint": ENDPOINT, "bootstrap.card": "se0",
            "policy life.origin": f"lwm2m:ssid-{SSID}", "policy life.keysets": "isd",
            "policy life.operations": "list load install make-selectable lock unlock delete",
            "policy life.aids": "default A000000151* F0000000110101* F0534553414D45*"})
        stack.set["keyset isd.keys"] = f"file:{stack.path('isd.keys')}"
        with os.fdopen(os.open(stack.path("isd.keys"), os.O_WRONLY | os.O_CREAT, 0o600),
                       "w") as f:
            f.write(keyset("isd", 30, DEFAULT))
        self.stack = stack
        self.card = se_keys.Card(stack, ("iot-safe", "pkcs15"))
        self.fronts, self.servers, self.client = [], [], None

    def front(self, name, args):
        self.fronts.append(Front(args, self.stack.path(name)))
        return self.fronts[-1]

    def x509(self, name):
        c = self.card
        return self.front(name, [
            "-cert", c.path("server.pem"), "-key", c.path("server.key"), "-CAfile",
            c.path("ca.pem"), "-Verify", "1", "-verify_return_error", "-cipher",
            "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"])

    async def behind(self, front, server=None):
        server = server or Server("127.0.0.1", front.behind, ("1.0", "1.1", "1.2"))
        self.servers.append(await server.start())
        return server

    def write_card(self, objects):
        """EF LwM2M_Bootstrap, as the owner of the card writes it."""
        content = cards.bsfile(objects)
        self.card.store(struct.pack(">HB", EF_BOOTSTRAP, len(content)) + content,
                        cards.PKCS15.hex(), "dgi")

    async def registered(self, seconds=240):
        self.client = await self.server.wait_for_client(ENDPOINT, seconds)
        await self.server.read(self.client, (apps.SE, 0, 0))

    async def selects(self, aid):
        """Whether the card selects an application, asked by somebody else."""
        done = await asyncio.to_thread(
            subprocess.run, [os.path.join(OUT, "sectl"), "app", "select", aid.hex(),
                             f"--se={self.card.target}"],
            capture_output=True, text=True, check=False)
        return done.returncode == 0, (done.stdout + done.stderr).strip().splitlines()[-1:]

    async def stop_semd(self):
        """Its status; servers and DTLS go on meanwhile."""
        return await asyncio.to_thread(self.stack.stop_semd)

    async def close(self):
        await self.stop_semd()
        for server in self.servers:
            await server.stop()
        for front in self.fronts:
            front.close()
        self.stack.stop()


def private_key(b):
    """The card's private key, dug out of the image of the software SE: 32 bytes whose
    product with the base point is the public key that the card tells."""
    with open(b.card.path("device.pub"), "rb") as f:
        public = ser.load_pem_public_key(f.read()).public_numbers()
    text = b.card.read("se.state").decode()
    for value in map(bytes.fromhex, re.findall(r"\b(?:[0-9A-Fa-f]{2}){32,80}\b", text)):
        for i in range(len(value) - 31):
            try:
                key = ec.derive_private_key(int.from_bytes(value[i:i + 32], "big"), ec.SECP256R1())
            except ValueError:  # nothing below the order
                continue
            if key.public_key().public_numbers() == public:
                return value[i:i + 32]
    return None


def memory(pid):
    """What a process can read of itself, mapping by mapping."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as f:
        maps = [line.split() for line in f]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for where in maps:
            begin, end = (int(v, 16) for v in where[0].split("-"))
            if where[1][0] != "r" or where[-1] in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                continue
            part = b""
            try:
                mem.seek(begin)
                while len(part) < end - begin:
                    got = mem.read(end - begin - len(part))
                    if not got:
                        break
                    part += got
            except OSError:
                pass
            yield part


def search(b, secrets):
    """Where secrets are, in octets or hexadecimal: names of files of semd, "memory"."""
    forms = [f for s in secrets for f in (s, s.hex().encode(), s.hex().upper().encode())]
    found = set()
    for folder, _, files in os.walk(b.stack.folder):
        for name in files:
            path = os.path.relpath(os.path.join(folder, name), b.stack.folder)
            if path.split("/")[0] in ("state", "semd.conf", "semd.log"):
                with open(os.path.join(folder, name), "rb") as f:
                    data = f.read()
                if any(s in data for s in forms):
                    found.add(path)
    for part in memory(b.stack.semd.pid):
        if any(s in part for s in forms):
            found.add("memory")
    return found


async def from_the_card(b):
    await asyncio.to_thread(b.card.provision)
    front = b.x509("s_server.log")
    b.server = await b.behind(front)
    security, server = account(front.port)
    await asyncio.to_thread(b.write_card, {0: {0: security}, 1: {0: server}})
    tap(True, "the card has a key pair of its own making, certificates, and the account")
    before = b.card.count(se_keys.SIGN)
    b.stack.start_semd()
    await b.registered()
    _, lifetime = await b.server.read_value(b.client, "/1/0/1")
    with open(b.stack.config, encoding="utf-8") as f:
        none = "[server" not in f.read()
    tap(none and lifetime == LIFETIME,
        "semd has no [server]; it registers where the card says, over DTLS",
        f"{b.client.location}, LwM2M {b.client.version}, {lifetime} s")
    said = b.stack.text("s_server.log")
    tap(re.search(r"CN ?= ?device-1", said) is not None,
        "the server has verified the device's certificate")
    n = b.card.count(se_keys.SIGN) - before
    tap(n == 1, "its private key worked in the SE, once", f"{n} of {se_keys.SIGN}")
    codes = []
    for rid in (3, 5):
        try:
            codes.append(str((await b.server.read(b.client, (0, 0, rid)))[0]))
        except LwM2MError as e:
            codes.append(e.code)
    tap(codes == ["4.01", "4.01"] or codes == ["4.05", "4.05"],
        "the server does not get to see the references", " ".join(codes))
    secret = await asyncio.to_thread(private_key, b)
    tap(secret is not None, "the card's private key, as its image has it, belongs to that certificate")
    control = await asyncio.to_thread(search, b, [KEY])
    tap({"memory", "state/lwm2m.db"} <= {c.removesuffix("-wal") for c in control},
        "semd has the reference, in memory and on disk", " ".join(sorted(control)))
    found = await asyncio.to_thread(search, b, [secret or KEY, se_keys.PSK])
    tap(not found, "and neither it nor the pre-shared key is in semd's memory, state or log",
        " ".join(found))


async def application(b):
    s, c = b.server, b.client
    aid = apps.APPLETS[0]
    await b.use_keys()
    before = len(b.stack.apdus())
    data = apps.package([apps.TEST_MODULE], aid=apps.TEST_PKG)
    number, _, state, values = await apps.install(b, data, f"0='isd',2='{aid.hex()}'")
    await s.execute(c, (apps.SOFTWARE, number, 10))
    first, r = await b.app(aid, lambda r: r.get(3) == 7)
    tap(state == 4 and r.get(3) == 7, "the server installs an application: it is selectable",
        values[(apps.SOFTWARE, number, 16)])
    ran = [(w[3][2:6] if w[3][2:4] == "E6" else w[3][2:4]) for w in b.stack.apdus()[before:]
           if len(w) > 5 and w[5] == "9000" and w[3][2:4] in ("E6", "E8")]
    loads = [x for x in ran if x != "E8"]
    tap(loads[0] == "E602" and sorted(loads) in (["E602", "E604", "E608"], ["E602", "E60C"])
        and "E8" in ran, "the card's account: loaded, installed, made selectable, once each",
        " ".join(ran))
    good, words = await b.selects(aid)
    tap(good, "others can select it", " ".join(words))
    state, end, detail = await b.run(first, 10)
    _, r = await b.app(aid, lambda r: r.get(9))
    good, words = await b.selects(aid)
    tap(end == "ok" and r.get(3) == 0x87 and not good and b.stack.executed("84F04080") == 1,
        "Lock: nobody selects it any more", " ".join(words))
    await s.execute(c, (apps.SOFTWARE, number, 6))
    state = await b.until((apps.SOFTWARE, number, 7), lambda v: v == 0)
    left = await b.without(aid, apps.TEST_PKG)
    deleted = [w[5] for w in b.stack.apdus()[before:] if len(w) > 5 and w[3][2:4] == "E4"]
    tap(state == 0 and not left and deleted == ["9000"], "Uninstall: DELETE, and nothing is left",
        " ".join(deleted))
    tap(await b.stop_semd() == 0 and not s.clients, "semd takes leave of the server and ends")


async def from_a_bootstrap_server(b):
    """The card names a bootstrap server, which is met with a pre-shared key in the SE."""
    front = b.x509("s_server-2.log")
    bs_front = b.front("s_server-bs.log", [
        "-nocert", "-psk", se_keys.PSK.hex(), "-psk_identity", "sesame", "-cipher",
        "PSK-AES128-CCM8:@SECLEVEL=0"])
    seen = []

    async def session(server, client):
        security, srv = account(front.port, SSID + 1)
        await server.bs_write(client, "/0/1", security)
        await server.bs_write(client, "/1/0", srv)
        seen.append(await server.bs_discover(client))
        await server.finish(client)

    await b.behind(bs_front, BootstrapServer(session, "127.0.0.1", bs_front.behind))
    b.server = await b.behind(front)
    await asyncio.to_thread(b.write_card, {0: {0: {
        0: f"coaps://127.0.0.1:{bs_front.port}", 1: True, 2: 0, 3: b"sesame", 5: SECRET}}})
    shutil.rmtree(b.stack.state_dir)
    before = [b.card.count(h) for h in (se_keys.PRF, se_keys.SIGN)]
    b.stack.start_semd()
    await b.registered()
    tap(len(seen) == 1 and f"</0/1>;ssid={SSID + 1}" in seen[0],
        "a card with a bootstrap server: bootstrapped over DTLS with the pre-shared key in the SE")
    n = [b.card.count(h) - x for h, x in zip((se_keys.PRF, se_keys.SIGN), before)]
    tap(n[0] >= 1 and n[1] == 1, "and registered with the private key in it, by what that wrote",
        f"{n[0]} of {se_keys.PRF}, {n[1]} of {se_keys.SIGN}")
    found = await asyncio.to_thread(search, b, [se_keys.PSK])
    tap(not found, "the pre-shared key is nowhere in semd", " ".join(found))
    tap(await b.stop_semd() == 0, "semd ends with status 0")


async def life():
    if se_keys.VM:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    b = Life()
    good = False
    try:
        for part in (from_the_card, application, from_a_bootstrap_server):
            await part(b)
        good = True
    finally:
        await b.close()
        if not good or tap.failed:
            for name in ("semd.log", "s_server.log", "s_server-2.log", "s_server-bs.log"):
                for line in b.stack.text(name).splitlines()[-25:]:
                    print(f"# {name}: {line}")
        b.stack.remove()


def main():
    try:
        asyncio.run(life())
    except Exception as e:  # whatever it is, it is told of
        tap(False, "a device's life", f"{type(e).__name__}: {e}"[:2000])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
