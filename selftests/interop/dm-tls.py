#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS of the OMA DM client: whom it believes, and who it is, with a key in a file and with
one in the secure element; what of the environment it does not listen to. The server is
Python's ssl and the DM server of selftests/server. TAP on stdout."""

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

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

from dm_auth import MD5, send_udp  # noqa: E402
from dm_server import Server  # noqa: E402
from dm_session import get  # noqa: E402
from stack import OUT, Stack, free_port, wait_until  # noqa: E402
from tap import tap  # noqa: E402

spec = importlib.util.spec_from_file_location("se_keys", os.path.join(HERE, "se-keys.py"))
se_keys = importlib.util.module_from_spec(spec)
spec.loader.exec_module(se_keys)
SECRETS = {"client-secret", "server-secret"}
PIN = b"47110815"
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

    def start_bare(self, port):
        """With no account; a CA for all, and a PIN of the user's."""
        fd = os.open(self.stack.path("pin"), os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(fd, "wb") as f:
            f.write(PIN + b"\n")
        self.stack.state_dir = self.stack.path(f"state-{os.urandom(4).hex()}")
        self.stack.set = {k: v for k, v in self.stack.set.items() if k.startswith("se.")}
        self.stack.set.update({
            "dm.device_id": "urn:uuid:tls", "dm.udp_port": port, "dm.retry": "3600",
            "dm.ca": self.card.path("ca.pem"), "dm.bootstrap_pin_file": self.stack.path("pin")})
        self.stack.start_semd()

    def account(self):
        r = subprocess.run([os.path.join(OUT, "sectl"), "dm", "list", "--json",
                            f"--socket={self.stack.path('run/io.sesame.Manager')}"],
                           capture_output=True, text=True, check=False)
        found = json.loads(r.stdout)["result"] if r.returncode == 0 else None
        return found[0] if found else None

    async def ended(self):
        """The account when its session is over, well or not."""
        for _ in range(200):
            a = await asyncio.to_thread(self.account)
            if a and (a["failures"] or a["sessions"]):
                return a
            await asyncio.sleep(0.05)
        raise AssertionError("the session does not end")

    async def refused(self):
        a = await self.ended()
        return a["error"] if a["failures"] else "it went through"

    def stop(self):
        self.stack.stop_semd()


async def works(device, name, server_ssl, keys, **server_keys):
    async with Server(ssl=server_ssl, **server_keys) as server:
        await asyncio.to_thread(device.start, server, **keys)
        try:
            session = await server.session(20)
            man, = await session.run(get("./DevInfo/DevId"))
            await session.end()
            await device.ended()
            good, shown = man.value == "urn:uuid:tls", man.value
        except (TimeoutError, AssertionError) as e:
            good, shown = False, f"{e!r} {await device.refused()}"
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

        def listens():
            with open("/proc/net/udp", encoding="ascii") as f:
                return any(x.split()[1].endswith(f":{port:04X}") for x in f.readlines()[1:])
        await asyncio.to_thread(wait_until, listens, 15, "semd's port")

        async def took(datagram):
            send_udp(port, datagram)
            for _ in range(10):
                await asyncio.sleep(0.05)
                if await asyncio.to_thread(device.account):
                    return True
            return False
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
        session = await server.session(20)
        man, = await session.run(get("./DevInfo/DevId"))
        await session.end()
        a = await device.ended()
        tap(man.value == "urn:uuid:tls" and a["serverId"] == "com.example.dm" and
            not server.complaints, "a profile over UDP, MAC by the user's PIN: its server serves",
            server.complaints or man.value)
        # who knows the PIN does not thereby take the place of a server that is there
        n = len(server.requests)
        send_udp(port, pushed(PROFILE.format(name="thief", uri="https://127.0.0.1:1/").encode()))
        await asyncio.sleep(0.3)
        again = await asyncio.to_thread(device.account)
        tap(again["uri"] == server.uri and len(server.requests) == n,
            "and it does not replace an account", again["uri"])
        tap(PIN.decode() not in device.stack.text("semd.log"), "the PIN is not in the log")
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
                ["alert", "Broken pipe", "reset", "reply", "eof"], asking, {})
    await fails(device, "a key that the certificate is not of", ["do not belong together"], asking,
                dict(files, key=path("other.key")))
    await fails(device, "a reference that leads nowhere", ["no such"], asking,
                dict(in_se, key="se:se0/iotsafe/66"))
    await bootstrap(device, plain)


def main():
    card = se_keys.Card(Stack(None))
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
