#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS of the OMA DM client: whom it believes, and who it is, with a key in a file and with
one in the secure element; what of the environment it does not listen to. The server is
Python's ssl and the DM server of selftests/server. Accounts that come by a push or from the
card. TAP on stdout."""

import asyncio
import base64
import hashlib
import hmac
import importlib.util
import json
import os
import ssl
import subprocess
import sys
from xml.etree import ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

from dm_auth import MD5, send_udp  # noqa: E402
from dm_server import Server  # noqa: E402
from dm_session import DmError, get  # noqa: E402
from stack import OUT, Stack, free_port, wait_bound, wait_until  # noqa: E402
from tap import tap  # noqa: E402

spec = importlib.util.spec_from_file_location("se_keys", os.path.join(HERE, "se-keys.py"))
se_keys = importlib.util.module_from_spec(spec)
spec.loader.exec_module(se_keys)
SECRETS = {"client-secret", "server-secret"}
PIN = b"47110815"
PATIENCE = 60   # seconds; what takes so long never comes
PROFILE = """<wap-provisioningdoc version="1.1"><characteristic type="APPLICATION">\
<parm name="APPID" value="w7"/><parm name="PROVIDER-ID" value="com.example.dm"/>\
<parm name="NAME" value="{name}"/><parm name="ADDR" value="{uri}"/>\
<characteristic type="APPAUTH"><parm name="AAUTHLEVEL" value="APPSRV"/>\
<parm name="AAUTHTYPE" value="DIGEST"/><parm name="AAUTHNAME" value="sesame"/>\
<parm name="AAUTHSECRET" value="client-secret"/></characteristic>\
<characteristic type="APPAUTH"><parm name="AAUTHLEVEL" value="CLIENT"/>\
<parm name="AAUTHTYPE" value="DIGEST"/><parm name="AAUTHSECRET" value="server-secret"/>\
</characteristic></characteristic></wap-provisioningdoc>"""


class Device:
    """semd with one account, on a card that has been provisioned."""

    def __init__(self, card):
        self.card, self.stack = card, card.stack
        self.stack.uri = None
        for name in SECRETS:
            fd = os.open(self.stack.path(name), os.O_CREAT | os.O_WRONLY, 0o600)
            with os.fdopen(fd, "w", encoding="ascii") as f:
                f.write(name + "\n")
        other = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        card.openssl("req", "-x509", *other, "-keyout", "other.key", "-out", "other.pem",
                     "-subj", "/CN=other CA", "-days", "2")
        # a client with its key in a file
        card.openssl("req", *other, "-keyout", "client.key", "-out", "client.csr", "-subj",
                     "/CN=device-2")
        card.openssl("x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-out", "client.pem", "-days", "2")

    def context(self, client=False):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.card.path("server.pem"), self.card.path("server.key"))
        if client:
            c.verify_mode = ssl.CERT_REQUIRED
            c.load_verify_locations(self.card.path("ca.pem"))
        return c

    def pin(self, spki):
        return "sha256//" + base64.b64encode(hashlib.sha256(self.card.read(spki)).digest()).decode()

    def start(self, server, **keys):
        """A state of its own: the account is new each time, so that a session begins."""
        self.stack.state_dir = self.stack.path(f"state-{os.urandom(4).hex()}")
        self.stack.set = {k: v for k, v in self.stack.set.items() if k.startswith("se.")}
        account = {"server_id": "com.example.dm", "uri": server.uri, "ca": self.card.path("ca.pem"),
                   "client_name": "sesame", "client_secret_file": self.stack.path("client-secret"),
                   "server_secret_file": self.stack.path("server-secret")}
        account.update(keys)
        self.stack.set.update({"dm.device_id": "urn:uuid:tls", "dm.udp_port": "0",
                               "dm.retry": "3600"})
        self.stack.set.update({f"dm main.{k}": v for k, v in account.items()})
        self.stack.start_semd()

    def start_bare(self, port, **keys):
        """With no account; a CA for all, and a PIN of the user's."""
        fd = os.open(self.stack.path("pin"), os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(fd, "wb") as f:
            f.write(PIN + b"\n")
        self.stack.state_dir = self.stack.path(f"state-{os.urandom(4).hex()}")
        self.stack.set = {k: v for k, v in self.stack.set.items() if k.startswith("se.")}
        self.stack.set.update({
            "dm.device_id": "urn:uuid:tls", "dm.udp_port": port, "dm.retry": "3600",
            "dm.ca": self.card.path("ca.pem"), "dm.bootstrap_pin_file": self.stack.path("pin"),
            "semd.log_level": "debug"})
        self.stack.set.update({f"dm.{k}": v for k, v in keys.items()})
        self.stack.start_semd()

    def accounts(self):
        r = subprocess.run([os.path.join(OUT, "sectl"), "dm", "list", "--json",
                            f"--socket={self.stack.path('run/io.sesame.Manager')}"],
                           capture_output=True, text=True, check=False)
        return json.loads(r.stdout)["result"] or [] if r.returncode == 0 else []

    def account(self):
        return next(iter(self.accounts()), None)

    async def ended(self):
        """The account when its session is over, well or not."""
        def over():
            a = self.account()
            return a and (a["failures"] or a["sessions"]) and a
        return await self.until(over, "the end of the session")

    async def until(self, test, what):
        """What test() is when it is true; else semd's last words are shown."""
        try:
            return await asyncio.to_thread(wait_until, test, PATIENCE, what)
        except AssertionError:
            for line in self.stack.text("semd.log").splitlines()[-15:]:
                print(f"# semd: {line}")
            raise

    async def refused(self):
        a = await self.ended()
        return a["error"] if a["failures"] else "it went through"

    def stop(self):
        self.stack.stop_semd()


async def works(device, name, server_ssl, keys, **server_keys):
    async with Server(ssl=server_ssl, **server_keys) as server:
        await asyncio.to_thread(device.start, server, **keys)
        try:
            session = await server.session(PATIENCE)
            man, = await session.run(get("./DevInfo/DevId"))
            await session.end()
            await device.ended()
            good, shown = man.value == "urn:uuid:tls", man.value
        except DmError as e:
            good, shown = False, f"{e} {await device.refused()}"
        await asyncio.to_thread(device.stop)
        tap(good and not server.complaints, name, shown if not good else server.complaints or "")


async def fails(device, name, words, server_ssl, keys, uri=None, **server_keys):
    async with Server(ssl=server_ssl, **server_keys) as server:
        if uri:
            keys = dict(keys, uri=uri(server))
        await asyncio.to_thread(device.start, server, **keys)
        said = await device.refused()
        await asyncio.to_thread(device.stop)
        tap(any(w in said for w in words) and not server.requests, name, said)


def pushed(profile, pin=PIN, sec=1, mac=None):
    """A profile in a WAP push, with SEC (1: USERPIN) and MAC; pin None: with neither."""
    kind = b"\xb6"      # application/vnd.wap.connectivity-wbxml
    if pin is not None:
        mac = mac or hmac.new(pin, profile, "sha1").hexdigest().upper()
        kind += bytes([0x91, 0x80 | sec, 0x92]) + mac.encode() + b"\0"
        kind = bytes([0x1f, len(kind)]) + kind
    return bytes([1, 6, len(kind)]) + kind + profile


async def bootstrap(device, server_ssl):
    """Accounts that come to the port of notifications."""
    async with Server(ssl=server_ssl) as server:
        port = free_port()
        await asyncio.to_thread(device.start_bare, port)

        await asyncio.to_thread(wait_bound, port)

        def dropped():
            return device.stack.text("semd.log").count("dropped: ")

        async def took(datagram):
            before = dropped()
            send_udp(port, datagram)
            return await device.until(lambda: dropped() > before or device.account(),
                                      "a profile that is taken or dropped") is not True
        profile = PROFILE.format(name="first", uri=server.uri).encode()
        right = pushed(profile)
        spoiled = bytearray(right)
        spoiled[right.index(b"first")] ^= 1
        for name, datagram in (("a MAC by another PIN", pushed(profile, b"47110816")),
                               ("SEC that wants another key", pushed(profile, sec=0)),
                               ("a profile that was changed", bytes(spoiled)),
                               ("no MAC", pushed(profile, None))):
            tap(not await took(datagram) and not server.requests,
                f"a profile over UDP, {name}: refused")
        send_udp(port, right)
        session = await server.session(PATIENCE)
        man, = await session.run(get("./DevInfo/DevId"))
        await session.end()
        a = await device.ended()
        tap(man.value == "urn:uuid:tls" and a["serverId"] == "com.example.dm" and
            not server.complaints, "a profile over UDP, MAC by the user's PIN: its server serves",
            server.complaints or man.value)
        # who knows the PIN does not thereby take the place of a server that is there
        n = len(server.requests)
        before = dropped()
        send_udp(port, pushed(PROFILE.format(name="thief", uri="https://127.0.0.1:1/").encode()))
        await device.until(lambda: dropped() > before, "a profile that is dropped")
        again = await asyncio.to_thread(device.account)
        tap(again["uri"] == server.uri and len(server.requests) == n,
            "and it does not replace an account", again["uri"])
        tap(PIN.decode() not in device.stack.text("semd.log"), "the PIN is not in the log")
        await asyncio.to_thread(device.stop)


IMSI = "001010123456789"
NETWORK = bytes.fromhex("0910101032547698")    # as a SIM has it (TS 51.011, 10.3.2)


async def network(device, server_ssl):
    """Profiles whose MAC is by what the network shares with the device, alone and with a PIN."""
    stack = device.stack
    with open(stack.path("network"), "w", encoding="ascii",
              opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
        f.write(IMSI + "\n")
    async with Server(ssl=server_ssl) as server:
        profile = PROFILE.format(name="first", uri=server.uri).encode()
        for name, sec, pin, wrong, right in (
                ("NETWPIN", 0, None, [IMSI.encode()], NETWORK),
                ("USERNETWPIN", 2, stack.path("pin"), [PIN + b":" + NETWORK, NETWORK],
                 NETWORK + PIN)):
            port, before = free_port(), len(stack.text("semd.log"))

            def log():
                return stack.text("semd.log")[before:]
            await asyncio.to_thread(device.start_bare, port, bootstrap_pin_file=pin,
                                    bootstrap_network_file=stack.path("network"))
            await asyncio.to_thread(wait_bound, port)
            for n, key in enumerate(wrong, 1):
                send_udp(port, pushed(profile, key, sec))
                await device.until(lambda: log().count("the profile's MAC is wrong") == n,
                                   f"{n} refused")
            nobody = await asyncio.to_thread(device.account)
            send_udp(port, pushed(profile, right, sec))
            session = await server.session(PATIENCE)
            man, = await session.run(get("./DevInfo/DevId"))
            await session.end()
            await device.ended()
            tap(man.value == "urn:uuid:tls" and nobody is None,
                f"a profile over UDP, {name}: by its key and no other", man.value)
            tap(IMSI not in log() and NETWORK.hex() not in log().lower(),
                f"{name}: the IMSI is not in the log")
            await asyncio.to_thread(device.stop)


PKCS15 = "A000000063504B43532D3135"
DM_FILE = b"\x64\x33"


def card_profile(xml):
    """The profile in WBXML: every word of it in line, as the standard's tokens allow."""
    out = bytearray(b"\x03\x0b\x6a\x00")
    doc = ElementTree.fromstring(xml)

    def put(e):
        tag = {"wap-provisioningdoc": 5, "characteristic": 6, "parm": 7}[e.tag]
        attributes = [(k, v) for k, v in e.attrib.items() if k != "version"]
        out.append(tag | (0x80 if attributes else 0) | (0x40 if len(e) else 0))
        for k, v in attributes:
            out.extend(bytes([{"name": 5, "value": 6, "type": 0x50}[k], 3]) + v.encode() + b"\0")
        if attributes:
            out.append(1)
        for kid in e:
            put(kid)
        if len(e):
            out.append(1)
    put(doc)
    return bytes(out) + b"\xff" * 5


def write_profile(device, xml):
    profile = card_profile(xml)
    device.card.store(DM_FILE + b"\xff" + len(profile).to_bytes(2, "big") + profile, PKCS15, "dgi")


def walks(device):
    """How often the PIN of the card was presented: once for each reading of the file."""
    return len([w for w in device.stack.apdus() if w[3][2:] == "200001" and int(w[4], 16)])


async def from_card(device, server_ssl):
    """Accounts that a card brings: behind a PIN, in WBXML, with filling behind it."""
    stack, pin = device.stack, device.stack.path("card-pin")
    keys = {"bootstrap_card": "se0", "bootstrap_card_pin_file": pin, "bootstrap_pin_file": None}

    def write_pin(text):
        with os.fdopen(os.open(pin, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
            f.write(text + "\n")

    until = device.until
    write_pin("1234")
    async with Server(ssl=server_ssl) as server:
        await asyncio.to_thread(write_profile, device,
                                PROFILE.format(name="card", uri=server.uri))
        await asyncio.to_thread(device.start_bare, "0", **keys)
        session = await server.session(PATIENCE)
        man, = await session.run(get("./DevInfo/DevId"))
        await session.end()
        a = await device.ended()
        tap(man.value == "urn:uuid:tls" and a["serverId"] == "com.example.dm" and
            not server.complaints, "a profile on the card: its server serves, over https",
            server.complaints or man.value)
        tap(walks(device) == 1, "the card is read once for it", walks(device))

        await asyncio.to_thread(device.stop)
        n = len(server.requests)
        await asyncio.to_thread(stack.start_semd)
        await until(lambda: "the profile was taken before" in stack.text("semd.log"),
                    "the card's profile, read again")
        again = await asyncio.to_thread(device.account)
        tap(len(server.requests) == n and again["uri"] == server.uri and walks(device) == 2,
            "the same card after a restart is nothing new", again["uri"])
        await asyncio.to_thread(device.stop)

        await asyncio.to_thread(write_profile, device,
                                PROFILE.format(name="thief", uri="https://127.0.0.1:1/"))
        await asyncio.to_thread(stack.start_semd)
        await until(lambda: "this one stays" in stack.text("semd.log"), "the account to stay")
        again = await asyncio.to_thread(device.account)
        tap(again["uri"] == server.uri and len(server.requests) == n,
            "another address on the card for a server that is there: it stays", again["uri"])
        await asyncio.to_thread(device.stop)

        # a card that comes while semd runs
        other = PROFILE.format(name="new", uri=server.uri)
        await asyncio.to_thread(write_profile, device,
                                other.replace("com.example.dm", "com.example.other"))
        await asyncio.to_thread(stack.stop_softse)
        os.unlink(stack.path("semd.log"))
        await asyncio.to_thread(stack.start_semd)
        await until(lambda: "cannot be opened" in stack.text("semd.log"), "words about the SE")
        await asyncio.to_thread(stack.start_softse, f"--profile={stack.path('profile')}")
        await until(lambda: len(device.accounts()) == 2, "the second account")
        tap({a["serverId"] for a in device.accounts()} == {"com.example.dm", "com.example.other"},
            "a card that comes later brings its server")
        await asyncio.to_thread(device.stop)

    async with Server() as server:
        await asyncio.to_thread(write_profile, device,
                                PROFILE.format(name="card", uri=server.uri))
        await asyncio.to_thread(device.start_bare, "0", **keys)
        said = await device.refused()
        tap("http" in said and not server.requests, "an http address on the card: refused", said)
        await asyncio.to_thread(device.stop)

    write_pin("4321")
    before = walks(device)
    os.unlink(stack.path("semd.log"))
    await asyncio.to_thread(device.start_bare, "0", **keys)
    await until(lambda: "bootstrap_card=se0: " in stack.text("semd.log"), "words about the PIN")
    said = stack.text("semd.log")
    tap(walks(device) == before + 1 and not device.accounts() and "4321" not in said,
        "a wrong PIN is presented once, no account comes, and the journal tells",
        next(x for x in said.splitlines() if "bootstrap_card=" in x))
    await asyncio.to_thread(device.stop)


async def run(device):
    plain, asking = device.context(), device.context(client=True)
    path = device.card.path
    none = {"client_auth": None, "server_auth": None}
    transport = {"auth": "transport", "client_name": None, "client_secret_file": None,
                 "server_secret_file": None}
    files = dict(transport, cert=path("client.pem"), key=path("client.key"))
    in_se = dict(transport, cert="se:se0/iotsafe/40", key="se:se0/iotsafe/10")

    await works(device, "https, a server that the CA of the account vouches for", plain, {})
    await works(device, "its key is the one that is pinned", plain,
                {"pin": device.pin("server.spki")})
    cert = ["certificate", "verify"]
    await fails(device, "another CA: nothing is sent", cert, plain, {"ca": path("other.pem")})
    await fails(device, "the system's CAs do not know it: nothing is sent", cert, plain,
                {"ca": None})
    await fails(device, "a certificate of another name: nothing is sent",
                ["no alternative certificate subject name", "match"], plain, {},
                uri=lambda s: f"https://localhost:{s.port}/dm")
    await fails(device, "another key than the one that is pinned: nothing is sent",
                ["pinned", "public key"], plain, {"pin": "sha256//" + "A" * 43 + "="})
    await works(device, "certificates alone, ours from a file", asking, files, **none)
    before = device.card.count(se_keys.SIGN)
    await works(device, "certificates alone, our key in the secure element", asking, in_se, **none)
    signed = device.card.count(se_keys.SIGN) - before
    tap(signed >= 1, "the secure element has signed", signed)
    await works(device, "certificates and MD5 together", asking,
                {"cert": "se:se0/iotsafe/40", "key": "se:se0/iotsafe/10"}, client_auth=MD5,
                server_auth=MD5)
    await fails(device, "a server that asks for a certificate, and there is none",
                ["alert", "Broken pipe", "reset", "reply", "eof", "SYSCALL"], asking, {})
    await fails(device, "a key that the certificate is not of", ["do not belong together"], asking,
                dict(files, key=path("other.key")))
    await fails(device, "a reference that leads nowhere", ["no such"], asking,
                dict(in_se, key="se:se0/iotsafe/66"))
    await bootstrap(device, plain)
    await network(device, plain)
    await from_card(device, plain)


def main():
    card = se_keys.Card(Stack(None), ("iot-safe", "vault", "pkcs15-dm-pin"))
    log = card.path("keylog")
    dead = "http://127.0.0.1:1"
    os.environ.update(SSLKEYLOGFILE=log, https_proxy=dead, HTTPS_PROXY=dead, ALL_PROXY=dead)
    try:
        card.provision()
        device = Device(card)
        asyncio.run(run(device))
        tap(not os.path.exists(log), "no secrets of TLS are written for SSLKEYLOGFILE")
        said = card.stack.text("semd.log")
        tap(not [s for s in SECRETS if s in said.replace("-secret_file", "")],
            "no secrets in the log")
    finally:
        card.stack.stop()
        card.stack.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
