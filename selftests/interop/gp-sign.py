#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens, receipts and DAP blocks: sectl judged by others: OpenSSL's command line verifies
what sectl signs and signs what sectl verifies, for every scheme of GPCS table C-1; a key
stays in a PKCS#11 token; and the software SE, which shares no code with sectl, loads,
installs, extradites and deletes on the strength of them; its receipts are right. Prints TAP; run inside the Debian
13 root."""

import hashlib
import importlib
import json
import os
import subprocess
import sys

from cryptography.hazmat.primitives.asymmetric.utils import (decode_dss_signature,
                                                             encode_dss_signature)
from cryptography.hazmat.primitives.serialization import load_pem_private_key

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import cap as capfile  # noqa: E402
import gp  # noqa: E402
from scp03 import Keys, aes_cbc, key_check_value  # noqa: E402
from stack import OUT, Stack  # noqa: E402
from tap import tap  # noqa: E402
from tlv import lv, tlv  # noqa: E402

peer = importlib.import_module("scp03-softse")

PACKAGE = bytes.fromhex("F0534553414D4520")
APP = PACKAGE + b"\1"
SSD = bytes.fromhex("F0534553414D455331")
SD_ELF, SD_MODULE = bytes.fromhex("A0000001515350"), bytes.fromhex("A000000151535041")
DEFAULT = bytes(range(0x40, 0x50))
DELEGATED, DAP = bytes.fromhex("A00000"), bytes.fromhex("C00000")


class Place:
    """A folder with keys, and sectl beside it."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data, mode=0o600):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode),
                  "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def key_file(self, name, use, line):
        self.write(f"{name}.keys", f"[key {name}]\nuse={use}\n{line}\n")
        return f"--keys=file:{self.path(name)}.keys"

    @staticmethod
    def sectl(*args, stdin=None):
        return subprocess.run([os.path.join(OUT, "sectl"), *args], input=stdin,
                              capture_output=True, timeout=60, check=False)

    def json(self, *args):
        """The result of a verb that has to succeed."""
        r = self.sectl("--json", *args)
        if r.returncode:
            raise AssertionError(f"sectl {args}: {r.stdout.decode()}{r.stderr.decode()}")
        return json.loads(r.stdout)["result"]


def openssl(*args):
    return subprocess.run(["openssl", *args], capture_output=True, timeout=120, check=False)


PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sigopt",
       "rsa_mgf1_md:sha256")
# name, how the key is made, hash, options of dgst, bytes of r and of s, option of sectl
SCHEMES = [
    ("rsa1024", ("RSA", "rsa_keygen_bits:1024"), "sha1", (), 0, None),
    ("rsa2048", ("RSA", "rsa_keygen_bits:2048"), "sha256", PSS, 0, None),
    ("rsa3072", ("RSA", "rsa_keygen_bits:3072"), "sha256", PSS, 0, None),
    ("pkcs1", ("RSA", "rsa_keygen_bits:2048"), "sha256", (), 0, "--pkcs1"),
    ("p256", ("EC", "ec_paramgen_curve:P-256"), "sha256", (), 32, None),
    ("p384", ("EC", "ec_paramgen_curve:P-384"), "sha384", (), 48, None),
    ("p521", ("EC", "ec_paramgen_curve:P-521"), "sha512", (), 66, None),
    ("bp256", ("EC", "ec_paramgen_curve:brainpoolP256r1"), "sha256", (), 32, None),
    ("bp512", ("EC", "ec_paramgen_curve:brainpoolP512r1"), "sha512", (), 64, None),
]


def to_openssl(token, half):
    if not half:
        return token
    return encode_dss_signature(int.from_bytes(token[:half], "big"),
                                int.from_bytes(token[half:], "big"))


def from_openssl(sig, half):
    if not half:
        return sig
    r, s = decode_dss_signature(sig)
    return r.to_bytes(half, "big") + s.to_bytes(half, "big")


def make_key(place, name, algorithm, option):
    openssl("genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out",
            place.path(f"{name}.pem"))
    os.chmod(place.path(f"{name}.pem"), 0o600)
    openssl("pkey", "-in", place.path(f"{name}.pem"), "-pubout", "-out",
            place.path(f"{name}.pub"))


def foreign(place):
    """OpenSSL is the other end, both ways."""
    command = gp.install_for_load(PACKAGE, b"\5" * 32, SSD).hex()
    data = bytes.fromhex(place.json("token", "data", command)["data"])
    want = bytes([2, 0]) + lv(lv(PACKAGE) + lv(SSD) + lv(b"\5" * 32) + b"\0")
    tap(data == want, "what a load token signs", data.hex())
    place.write("data", data)
    for name, how, digest, options, half, extra in SCHEMES:
        more = [extra] if extra else []
        make_key(place, name, *how)
        private = place.key_file(name, "token", f"private={place.path(name)}.pem")
        made = place.json("token", "sign", command, private, *more)
        place.write("sig", to_openssl(bytes.fromhex(made["token"]), half))
        r = openssl("dgst", f"-{digest}", *options, "-verify", place.path(f"{name}.pub"),
                    "-signature", place.path("sig"), place.path("data"))
        tap(r.returncode == 0, f"{made['scheme']}: OpenSSL verifies sectl's token",
            r.stdout.decode().strip())
        r = openssl("dgst", f"-{digest}", *options, "-sign", place.path(f"{name}.pem"),
                    "-out", place.path("sig"), place.path("data"))
        token = from_openssl(place.read("sig"), half)
        place.write("token", token)
        public = place.key_file(f"{name}-pub", "token", f"public={place.path(name)}.pub")
        args = ("token", "verify", command, f"--token={place.path('token')}", public, *more)
        r = place.sectl(*args)
        tap(r.returncode == 0, f"{made['scheme']}: sectl verifies OpenSSL's", str(r.stderr))
        place.write("token", (token[:-1] + bytes([token[-1] ^ 1])).hex())
        r = place.sectl(*args)
        tap(r.returncode == 1 and b"signature" in r.stderr, "and not another, in hex",
            str(r.stderr))
        r = place.sectl("token", "sign", command, public, *more)
        tap(r.returncode == 4 and b"public key" in r.stderr, "nor signs with a public key",
            str(r.stderr))
    secret = place.key_file("aes", "token", f"secret={DEFAULT.hex()}\ntype=aes")
    made = place.json("token", "sign", command, secret)
    r = openssl("mac", "-macopt", f"hexkey:{DEFAULT.hex()}", "-macopt", "cipher:AES-128-CBC",
                "-in", place.path("data"), "CMAC")
    tap(made["token"] == r.stdout.decode().strip(), "AES: OpenSSL has the same CMAC",
        made["token"])


def words(place):
    """What sectl says of what it cannot use."""
    command = gp.install_for_load(PACKAGE, b"\5" * 32, SSD).hex()
    secret = place.key_file("aes", "token", f"secret={DEFAULT.hex()}\ntype=aes")
    for status, said, args in (
            (2, "no --keys", ("token", "sign", command)),
            (2, "takes no token", ("token", "data", "80E8800001AA")),
            (2, "not a C-APDU", ("token", "data", "80E6")),
            (2, "more of it follows", ("token", "data", "80E6820001AA")),
            (2, "no token in the command", ("token", "verify", command, secret)),
            (3, "no [key other]", ("token", "sign", command, secret, "--key=other")),
            (3, "use=dap", ("dap", "sign", place.path("a.cap"), f"--sd={SSD.hex()}", secret)),
            (2, "--sd", ("dap", "sign", place.path("a.cap"), secret)),
            (3, "No such file", ("cap", "info", place.path("none"))),
            (1, "no CAP file", ("cap", "info", place.path("aes.keys"))),
            (2, "no such hash", ("dap", "sign", place.path("a.cap"), f"--sd={SSD.hex()}",
                                 secret, "--hash=md5"))):
        r = place.sectl(*args)
        tap(r.returncode == status and said in r.stderr.decode(), f"{status}: {said}",
            r.stderr.decode().partition("\n")[0])
    # a command in segments is one command; the two of load, install and make selectable
    whole = gp.install_for_load(PACKAGE, b"\5" * 32, SSD)
    body = whole[5:-1]
    parts = [gp.capdu(0x80, 0xE6, 0x82, 0, body[:20]), gp.capdu(0x80, 0xE6, 2, 0, body[20:])]
    r = place.sectl("token", "data", "-", stdin="\n".join(p.hex() for p in parts).encode())
    one = place.sectl("token", "data", whole.hex())
    tap(r.returncode == 0 and r.stdout == one.stdout, "segments are joined", str(r.stderr))
    both = [gp.capdu(0x80, 0xE6, 0x0E, 1, lv(PACKAGE) + lv(SSD) + lv(b"") + b"\0\0"),
            gp.capdu(0x80, 0xE6, 0x0E, 3, lv(PACKAGE) + lv(APP) + lv(APP) + lv(b"\0") +
                     lv(tlv(0xC9, b"")) + b"\0")]
    r = place.json("token", "data", *(b.hex() for b in both))
    want = b"".join(bytes([b[2], b[3]]) + lv(b[5:-1]) for b in both)
    tap(r["data"] == want.hex().upper(), "load, install and make selectable: both commands")


def pkcs11(place):
    """The private key stays in a token."""
    if not os.path.exists("/usr/bin/softhsm2-util"):
        tap.skip("a key in a PKCS#11 token", "no softhsm2")
        return
    if OUT.endswith("san"):
        tap.skip("a key in a PKCS#11 token", "modules are opened in a way that ASan refuses")
        return
    os.makedirs(place.path("tokens"), exist_ok=True)
    conf = place.write("softhsm2.conf", f"directories.tokendir = {place.path('tokens')}\n")
    os.environ["SOFTHSM2_CONF"] = conf
    module = next((os.path.join(d, f) for d, _, fs in os.walk("/usr/lib") for f in fs
                   if f == "libsofthsm2.so"), None)
    pin = place.write("pin", "1234")
    run = lambda *a: subprocess.run(a, capture_output=True, timeout=60, check=False)
    run("softhsm2-util", "--init-token", "--free", "--label", "sesame", "--pin", "1234",
        "--so-pin", "5678")
    run("softhsm2-util", "--import", place.path("rsa2048.pem"), "--token", "sesame", "--label",
        "issuer", "--id", "01", "--pin", "1234")
    uri = f"pkcs11:token=sesame;object=issuer;type=private?pin-source=file:{pin}" + \
        f"&module-path={module}"
    command = gp.delete(PACKAGE).hex()
    r = place.sectl("--json", "token", "sign", command,
                    place.key_file("hsm", "token", f"private={uri}"))
    if not tap(r.returncode == 0, "sectl signs with a key in a PKCS#11 token",
               r.stdout.decode().strip()[:200]):
        return
    place.write("token", bytes.fromhex(json.loads(r.stdout)["result"]["token"]))
    r = place.sectl("token", "verify", command, f"--token={place.path('token')}",
                    f"--keys=file:{place.path('rsa2048-pub')}.keys")
    tap(r.returncode == 0, "and the public key in a file verifies it", str(r.stderr))


class Host:
    """One session with a security domain."""

    def __init__(self, card, aid):
        self.card = card
        self.session = peer.session(card, Keys(0x30, DEFAULT, DEFAULT, DEFAULT), 0x01, aid)

    def send(self, apdu):
        w = self.session.wrap(apdu)
        return self.session.unwrap(self.card.send(w.apdu), w)

    def put_key(self, kvn, field):
        return self.send(gp.capdu(0x80, 0xD8, 0, 1, bytes([kvn]) + field, 0))[1]

    def load(self, install, file, room=None):
        data, sw = self.send(install)
        parts = [file[i:i + self.session.max_data]
                 for i in range(0, len(file), room or self.session.max_data)]
        for i, part in enumerate(parts):
            if sw != 0x9000:
                break
            data, sw = self.send(gp.capdu(0x80, 0xE8, 0x80 * (i == len(parts) - 1), i, part,
                                          0))
        return data, sw


def aes_field(key):
    """AMD-D 7.2; the data encryption key is one that everybody knows."""
    return b"\x88\x11\x10" + aes_cbc(DEFAULT, bytes(16), key, True) + \
        lv(key_check_value(key))


def rsa_field(place, name):
    n = load_pem_private_key(place.read(f"{name}.pem"), None).public_key().public_numbers()
    size = (n.n.bit_length() + 7) // 8
    return tlv(0xA1, n.n.to_bytes(size, "big")) + tlv(0xA0, b"\x01\x00\x01") + b"\0"


def ec_field(place, name, curve):
    n = load_pem_private_key(place.read(f"{name}.pem"), None).public_key().public_numbers()
    size = (n.curve.key_size + 7) // 8
    point = b"\4" + n.x.to_bytes(size, "big") + n.y.to_bytes(size, "big")
    return b"\xB0" + lv(point) + b"\xF0\x01" + bytes([curve]) + b"\x00"


def ec_private_field(place, name, curve):
    n = load_pem_private_key(place.read(f"{name}.pem"), None).private_numbers()
    value = n.private_value.to_bytes(32, "big")
    return b"\xB1\x21\x20" + aes_cbc(DEFAULT, bytes(16), value, True) + b"\xF0\x01" + \
        bytes([curve]) + b"\x00"


def domain(host, aid, privileges):
    return host.send(gp.install_and_make_selectable(SD_ELF, SD_MODULE, aid, privileges))[1]


def signed_load(place, card):
    """DAP blocks on the software SE."""
    block = capfile.Cap(PACKAGE, [APP], code=600).load_file()
    digest = gp.LoadFile(block).hash
    kinds = (("AES", aes_field(DEFAULT[::-1]), f"secret={DEFAULT[::-1].hex()}\ntype=aes"),
             ("RSA 1024", rsa_field(place, "rsa1024"), f"private={place.path('rsa1024')}.pem"),
             ("P-256", ec_field(place, "p256", 0), f"private={place.path('p256')}.pem"),
             ("P-384", ec_field(place, "p384", 1), f"private={place.path('p384')}.pem"))
    for name, field, line in kinds:
        host = Host(card, gp.ISD)
        tap(domain(host, SSD, DAP) == 0x9000, f"DAP by {name}: a domain with the privilege")
        sw = Host(card, SSD).put_key(0x73, field)
        tap(sw == 0x9000, "its key is put", f"{sw:04X}")
        hash_name = "sha384" if name == "P-384" else "sha256"
        if name == "P-384":
            digest = hashlib.sha384(block).digest()
        keys = place.key_file("dap", "dap", line)
        made = place.json("dap", "sign", place.path("a.cap"), f"--sd={SSD.hex()}", keys,
                          f"--hash={hash_name}", f"--output={place.path('a.dap')}")
        tap(made["dap"] == place.read("a.dap").hex().upper(), made["scheme"])
        r = place.sectl("dap", "verify", place.path("a.cap"), place.path("a.dap"), keys,
                        f"--hash={hash_name}")
        tap(r.returncode == 0, "sectl verifies its own", str(r.stderr))
        dap = place.read("a.dap")
        host = Host(card, gp.ISD)
        install = gp.install_for_load(PACKAGE, digest, SSD)
        _, sw = host.load(install, dap[:-1] + bytes([dap[-1] ^ 1]) + tlv(0xC4, block))
        tap(sw == 0x6982, "softse refuses another signature: 6982", f"{sw:04X}")
        _, sw = host.load(install, dap + tlv(0xC4, block))
        tap(sw == 0x9000, "softse loads what sectl has signed", f"{sw:04X}")
        for aid in (PACKAGE, SSD):
            _, sw = host.send(gp.delete(aid))
            tap(sw == 0x9000, "and all of it goes again", f"{sw:04X}")


def with_token(place, keys, apdu):
    """The same command with a token that sectl makes; DELETE has a tag for it."""
    token = tlv(0x9E, bytes.fromhex(place.json("token", "sign", apdu.hex(), keys)["token"]))
    body = apdu[5:5 + apdu[4]]
    body = body + token if apdu[1] == 0xE4 else body[:-1] + token[1:]
    return gp.capdu(apdu[0], apdu[1], apdu[2], apdu[3], body, 0)


def check_receipt(place, what, keys, answer, apdu):
    """The card's receipt is right for its command, and for no other."""
    made = place.json("receipt", "verify", answer.hex(), apdu.hex(), f"--sd={SSD.hex()}", keys)
    tap(made["verified"], f"{what}: receipt {made['counter']}, {made['scheme']}", made["kind"])
    r = place.sectl("receipt", "verify", answer.hex(), apdu.hex(), f"--sd={gp.ISD.hex()}", keys)
    # the domain that ran it is not in every receipt
    named = made["kind"] in ("load", "extradition")
    other = answer[:-1] + bytes([answer[-1] ^ 1])
    if what == "load":
        named = False  # INSTALL names the domain itself
    tap((r.returncode == 1) == named, f"{what}: for another domain", str(r.stderr))
    r = place.sectl("receipt", "verify", other.hex(), apdu.hex(), f"--sd={SSD.hex()}", keys)
    tap(r.returncode == 1, f"{what}: another receipt is none", str(r.stderr))


def delegated(place, card):
    """Tokens and receipts on the software SE."""
    block = capfile.Cap(PACKAGE, [APP], code=600).load_file()
    load = gp.install_for_load(PACKAGE, gp.LoadFile(block).hash, SSD)
    by_aes = (aes_field(DEFAULT), f"secret={DEFAULT.hex()}\ntype=aes")
    by_ec = (ec_private_field(place, "p256", 0), f"public={place.path('p256')}.pub")
    kinds = (("AES", aes_field(DEFAULT[::-1]), f"secret={DEFAULT[::-1].hex()}\ntype=aes",
              by_aes),
             ("RSA 1024", rsa_field(place, "rsa1024"),
              f"private={place.path('rsa1024')}.pem", by_ec),
             ("P-256", ec_field(place, "p256", 0), f"private={place.path('p256')}.pem",
              by_ec))
    for name, field, line, (receipt_field, receipt_line) in kinds:
        host = Host(card, gp.ISD)
        sw = host.put_key(0x70, field)
        tap(sw == 0x9000, f"tokens by {name}: the issuer's key is put", f"{sw:04X}")
        sw = host.put_key(0x71, receipt_field)
        tap(sw == 0x9000, "and one for receipts", f"{sw:04X}")
        receipts = place.key_file("receipt", "receipt", receipt_line)
        tap(domain(host, SSD, DELEGATED) == 0x9000, "a domain with delegated management")
        keys = place.key_file("dm", "token", line)
        host = Host(card, SSD)
        _, sw = host.send(load)
        tap(sw == 0x6985, "without a token: 6985", f"{sw:04X}")
        wrong = with_token(place, keys, load)
        wrong = wrong[:-2] + bytes([wrong[-2] ^ 1]) + wrong[-1:]
        _, sw = host.send(wrong)
        tap(sw == 0x6982, "with a wrong one: 6982", f"{sw:04X}")
        steps = (
            ("load", with_token(place, keys, load)),
            ("install and make selectable", with_token(
                place, keys, gp.install_and_make_selectable(PACKAGE, APP, APP))),
            ("extradition", with_token(place, keys, gp.capdu(
                0x80, 0xE6, 0x10, 0, lv(gp.ISD) + b"\0" + lv(APP) + b"\0\0\0", 0))),
        )
        for what, apdu in steps:
            data, sw = host.load(apdu, tlv(0xC4, block)) if what == "load" else host.send(apdu)
            tap(sw == 0x9000, f"{what}: softse takes sectl's token", f"{sw:04X}")
            check_receipt(place, what, receipts, data, apdu)
        issuer = Host(card, gp.ISD)
        _, sw = issuer.send(gp.delete(APP))
        host = Host(card, SSD)
        apdu = with_token(place, keys, gp.delete(PACKAGE))
        data, sw = host.send(apdu)
        tap(sw == 0x9000, "delete: softse takes sectl's token", f"{sw:04X}")
        check_receipt(place, "delete", receipts, data, apdu)
        issuer = Host(card, gp.ISD)
        _, sw = issuer.send(gp.delete(SSD))
        tap(sw == 0x9000, "the domain goes again", f"{sw:04X}")
        for kvn in (0x70, 0x71):
            _, sw = issuer.send(gp.capdu(0x80, 0xE4, 0, 0, bytes([0xD2, 1, kvn]), 0))
            tap(sw == 0x9000, f"and key {kvn:02X}", f"{sw:04X}")


def main():
    stack = Stack("coap://127.0.0.1:1")
    place = Place(stack.folder)
    place.write("a.cap", capfile.Cap(PACKAGE, [APP], code=600).zip())
    stack.start_softse()
    try:
        foreign(place)
        words(place)
        pkcs11(place)
        card = peer.Card(stack.socket)
        signed_load(place, card)
        delegated(place, card)
        card.close()
    finally:
        tap(stack.stop_softse() == 0, "softse ends with status 0")
        stack.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
