#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Registration over DTLS with keys that never leave the SE, from an empty card on: sectl has
softse's IoT SAFE application make a key pair and stores a pre-shared key, a CA of OpenSSL's
certifies the SE's own request, the certificate goes into the SE; then semd registers at
OpenSSL's s_server and libcoap's coap-rd with a pre-shared key, a certificate and a raw
public key. Prints TAP; run inside the Debian 13 root, or with --vm in the virtual machine
(selftests/rig/vm -- python3 selftests/interop/se-keys.py --vm), where the same goes through
the driver on /dev/se0.
"""

import importlib
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import codec  # noqa: E402
from aiocoap.numbers.codes import GET  # noqa: E402
from rawcoap import RawServer, dotted  # noqa: E402
from stack import OUT, Stack, free_port, wait_bound, wait_until  # noqa: E402
from tap import tap  # noqa: E402

dtls_psk = importlib.import_module("dtls-psk")

IOT_SAFE = "A0000005590010494701050000000000"
PSK = b"a key for tests!"
VM = "--vm" in sys.argv[1:]
MODULES = "build/kmod/driver"
SIGN, PRF = "802B8001", "80480000"


class Terminator(dtls_psk.PipeSocket):
    """s_server with other arguments."""

    def __init__(self, port, args, log):
        self.args = args
        super().__init__(port, "", log)

    def command(self, port, _suite):
        return ["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-quiet",
                "-mtu", "1400", *self.args]


class Server(RawServer):
    def __init__(self, port, args, log):
        self.args, self.log = args, log
        super().__init__(port)

    def open(self):
        self.sock = Terminator(self.port, self.args, self.log)


def tlv(tag, value):
    head = bytes([tag])
    n = len(value)
    return head + (bytes([n]) if n < 128 else b"\x81" + bytes([n]) if n < 256
                   else b"\x82" + n.to_bytes(2, "big")) + value


class Card:
    """A card to be provisioned, and semd on it."""

    def __init__(self, stack=None, applets=("iot-safe", "vault")):
        self.stack = stack or Stack("coaps://127.0.0.1:1")
        self.target = "/dev/se0" if VM else f"socket:{self.stack.socket}"
        with open(self.path("profile"), "w", encoding="ascii") as f:
            f.writelines(f"applet = {a}\n" for a in applets)
        if VM:
            self.stack.set["se.open"] = "ioctl:/dev/se0"
            self.start_on_driver()
        else:
            self.stack.start_softse(f"--profile={self.path('profile')}")

    def start_on_driver(self):
        for m in ("se", "se-spi", "se-sim"):
            subprocess.run(["insmod", f"{MODULES}/{m}.ko"], check=True)
        with open(self.path("softse.log"), "wb") as log:
            self.stack.softse = subprocess.Popen(
                [os.path.join(OUT, "softse"), "--sim", f"--profile={self.path('profile')}",
                 f"--state={self.path('se.state')}", f"--log={self.stack.apdu_log}"],
                stdout=log, stderr=log)
        wait_until(lambda: os.path.exists("/dev/se0"), 60, "/dev/se0")

    def path(self, name):
        return self.stack.path(name)

    def sectl(self, *args):
        return subprocess.run([os.path.join(OUT, "sectl"), *args, f"--se={self.target}"],
                              capture_output=True, text=True, check=True).stdout

    def store(self, data, aid=IOT_SAFE, form="ber"):
        """STORE DATA to an application, in a secure channel of its security domain."""
        fd = os.open(self.path("perso"), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as f:
            f.write(data)
        self.sectl("store-data", self.path("perso"), f"--format={form}", f"--aid={aid}",
                   "--keys=default", f"--state-dir={self.path('ledger')}")
        os.unlink(self.path("perso"))

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.stack.folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def provision(self):
        """Key pair 10, certificate 40 with its CA in 41, pre-shared key 20."""
        self.store(tlv(0xC1, b"\x84\x01\x10\x4b\x01\x13"))
        n = len(PSK).to_bytes(2, "big")
        premaster = n + bytes(len(PSK)) + n + PSK  # RFC 4279, 2
        self.store(tlv(0xC4, b"\x86\x01\x20" + tlv(0xD1, premaster)))
        with open(self.path("device.csr"), "w", encoding="ascii") as f:
            f.write(self.sectl("key", "request", "iotsafe/10", "CN=device-1,O=Sesame"))
        with open(self.path("device.pub"), "w", encoding="ascii") as f:
            f.write(self.sectl("key", "public", "iotsafe/10"))
        with open(self.path("san"), "w", encoding="ascii") as f:
            f.write("subjectAltName=IP:127.0.0.1\n")
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self.openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj",
                     "/CN=test CA", "-days", "2")
        self.openssl("req", *new, "-keyout", "server.key", "-out", "server.csr", "-subj",
                     "/CN=server")
        for name, more in (("server", ["-extfile", "san"]), ("device", [])):
            self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey",
                         "ca.key", "-out", f"{name}.pem", "-days", "2", *more)
        with open(self.path("both.pem"), "wb") as f:
            f.write(self.read("server.pem") + self.read("server.key"))
        self.openssl("x509", "-in", "device.pem", "-outform", "DER", "-out", "device.der")
        self.openssl("x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der")
        self.openssl("pkey", "-in", "server.key", "-pubout", "-outform", "DER", "-out",
                     "server.spki")
        self.store(tlv(0xC3, b"\x83\x01\x40" + tlv(0x53, self.read("device.der"))))
        self.store(tlv(0xC3, b"\x83\x01\x41" + tlv(0x53, self.read("ca.der"))))
        self.openssl("req", "-in", "device.csr", "-verify", "-noout")

    def configure(self, port, **keys):
        self.stack.uri = f"coaps://127.0.0.1:{port}"
        self.stack.set = {k: v for k, v in self.stack.set.items() if k.startswith("se.")}
        self.stack.set.update({f"server.{k}": v for k, v in keys.items()})

    def count(self, header):
        return self.stack.executed(header)


MODES = {
    "PSK": {"psk_identity": "sesame", "psk": "se:se0/iotsafe/20"},
    "X.509": {"key": "se:se0/iotsafe/10", "cert": "se:se0/iotsafe/40",
              "server_cert": "se:se0/iotsafe/41", "cert_usage": "anchor"},
    "RPK": {"key": "se:se0/iotsafe/10", "security": "rpk"},
}
HEADER = {"PSK": PRF, "X.509": SIGN, "RPK": SIGN}


def end_semd(card, server=None):
    """Ends semd while the server still answers."""
    card.stack.semd.terminate()
    end = time.monotonic() + 10
    while server and card.stack.semd.poll() is None and time.monotonic() < end:
        try:
            got = server.receive(0.2)
        except AssertionError:
            break
        if got:
            server.serve(got[0], got[2])
    status = card.stack.stop_semd()
    if status:
        tap(False, "semd ends with status 0", str(status))


def show_log(card):
    for line in card.stack.text("semd.log").splitlines()[-15:]:
        print(f"# semd: {line}")


def with_openssl(card, mode):
    """A registration and a Read with s_server, and how often the key worked for it."""
    port = free_port()
    args = {
        "PSK": ["-nocert", "-psk", PSK.hex(), "-psk_identity", "sesame", "-cipher",
                "PSK-AES128-CCM8:@SECLEVEL=0"],
        "X.509": ["-cert", card.path("server.pem"), "-key", card.path("server.key"), "-CAfile",
                  card.path("ca.pem"), "-Verify", "1", "-verify_return_error", "-cipher",
                  "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"],
        "RPK": ["-cert", card.path("server.pem"), "-key", card.path("server.key"),
                "-enable_server_rpk", "-enable_client_rpk", "-Verify", "1", "-cipher",
                "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"],
    }[mode]
    keys = dict(MODES[mode])
    if mode == "RPK":
        keys["server_key"] = card.path("server.spki")
    card.configure(port, **keys)
    before = card.count(HEADER[mode])
    server = Server(port, args, card.path(f"s_server-{mode}.log"))
    good = False
    try:
        card.stack.start_semd()
        server.wait_for_registration(60)
        m = server.request(GET, (26241, 0, 0), accept=codec.TEXT)
        good = m.payload == b"se0"
        tap(good, f"{mode}: registration and Read with openssl s_server, the key in the SE",
            dotted(m.code))
        n = card.count(HEADER[mode]) - before
        tap(n >= 1, f"{mode}: the SE did its part", f"{n} of {HEADER[mode]}")
    except (AssertionError, ValueError) as e:
        tap(False, f"{mode}: openssl s_server", str(e))
        print("# s_server: " + card.stack.text(f"s_server-{mode}.log")[-600:].replace(
            "\n", "\n# "))
    finally:
        end_semd(card, server)
        server.close()
    if not good:
        show_log(card)


def with_libcoap(card, mode):
    """Registration with libcoap's resource directory on GnuTLS."""
    port = free_port()
    args = {
        "PSK": ["-k", PSK.decode(), "-h", "hint"],
        "X.509": ["-c", card.path("both.pem"), "-C", card.path("ca.pem")],
    }[mode]
    card.configure(port, **MODES[mode])
    log = card.path(f"rd-{mode}.log")
    with open(log, "wb") as f:
        rd = subprocess.Popen(["stdbuf", "-oL", "coap-rd-gnutls", "-A", "127.0.0.1", "-p",
                               str(port - 1), "-v", "7", *args], stdout=f, stderr=f)
    registered = False
    try:
        wait_bound(port)
        card.stack.start_semd()
        end = time.monotonic() + 60
        while time.monotonic() < end and not registered:
            time.sleep(0.1)
            text = card.stack.text(f"rd-{mode}.log")
            registered = "c:2.01" in text and "ep=sesame-test" in text
        tap(registered, f"{mode}: registration with libcoap's coap-rd, the key in the SE")
    finally:
        end_semd(card)
        rd.terminate()
        rd.wait()
    if not registered:
        show_log(card)
        print("# rd: " + card.stack.text(f"rd-{mode}.log")[-800:].replace("\n", "\n# "))


def wrong(card):
    """References that lead nowhere are told in words."""
    port = free_port()
    card.configure(port, psk_identity="sesame", psk="se:se0/iotsafe/66")
    server = Server(port, ["-nocert", "-psk", PSK.hex(), "-cipher",
                           "PSK-AES128-CCM8:@SECLEVEL=0"], card.path("s_server-wrong.log"))
    with open(card.path("semd.log"), "wb"):
        pass
    card.stack.start_semd()
    end, said = time.monotonic() + 60, ""
    while time.monotonic() < end and not said:
        time.sleep(0.1)
        said = next((x for x in card.stack.text("semd.log").splitlines()
                     if "no such key" in x), "")
    end_semd(card)
    server.close()
    tap(bool(said), "a reference to a key that is not there is told of", said[-120:])
    log = card.stack.text("semd.log")
    tap(PSK.hex() not in log.lower() and PSK.decode() not in log, "no key in the log")


def main():
    card = Card()
    try:
        card.provision()
        tap(True, "key pair, certificate and pre-shared key are in the SE")
        for mode in MODES:
            with_openssl(card, mode)
        for mode in ("PSK", "X.509"):
            with_libcoap(card, mode)
        wrong(card)
    finally:
        card.stack.stop()
        card.stack.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
