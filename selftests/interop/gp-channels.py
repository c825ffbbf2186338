#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plans beside the usual road, by sectl against the software SE: over SCP02 (i 15, 55) and
SCP11 a, b, c with keys and certificates made by Python's cryptography; public keys by PUT
KEY; encrypted data groupings; tokens, DAP blocks and receipts of delegated management, the
receipts verified, or not, in the result. Prints TAP; run inside the Debian 13 root."""

import base64
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (Encoding, NoEncryption, PrivateFormat,
                                                          PublicFormat)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import cap as capfile  # noqa: E402
import gp  # noqa: E402
from scp03 import Keys, aes_cbc  # noqa: E402
from tap import tap  # noqa: E402
from tlv import lv, tlv  # noqa: E402

keys_test = importlib.import_module("gp-keys")
peer = importlib.import_module("scp03-softse")
check, key, keyset = keys_test.check, keys_test.key, keys_test.keyset

DEFAULT = bytes.fromhex(keys_test.DEFAULT)
PACKAGE = bytes.fromhex("F0534553414D4520")
APP = PACKAGE + b"\1"
SSD = bytes.fromhex("F0534553414D455331")
CAP = base64.b64encode(capfile.Cap(PACKAGE, [APP], code=600).zip()).decode()
INSTALL = [{"op": "package", "code": CAP}]
REMOVE = [{"op": "delete", "aid": PACKAGE.hex(), "related": True}]


class Card(keys_test.Card):
    """Plans instead of verbs."""

    plans = 0

    def plan(self, operations, *args, sessions=None, keyset_="default"):
        """(exit status, the plan's result or what was said)"""
        self.plans += 1
        path = self.put(f"plan{self.plans}", json.dumps(
            {"version": 1, "sessions": sessions or [{"keys": keyset_}],
             "operations": operations}))
        said = self.json("plan", "run", path, f"--keys=file:{self.file('sets')}", *args)
        return ("error" not in said), said.get("result") or said

    def sign(self, *args):
        """What a verb makes that needs no card."""
        r = subprocess.run([os.path.join(keys_test.OUT, "sectl"), *args, "--json"],
                           capture_output=True, text=True, timeout=60)
        if r.returncode:
            raise AssertionError(f"sectl {args}: {r.stdout}{r.stderr}")
        return json.loads(r.stdout)["result"]

    def listed(self, aid):
        good, said = self.plan([{"op": "list"}])
        return good and any(e["aid"] == aid.hex().upper() for e in said["steps"][0]["data"])


def good(result, name):
    ok, said = result
    return check(ok and said.get("state") == "done", name, json.dumps(said))


def installs(card, name, **kw):
    """A package comes and goes; the issuer's keys look whether it did."""
    good(card.plan(INSTALL, **kw), f"{name}: a package is installed")
    check(card.listed(APP), f"{name}: and is there")
    good(card.plan(REMOVE, **kw), f"{name}: and removed")
    check(not card.listed(PACKAGE), f"{name}: and gone")


# ---- SCP02 ----

def test_scp02(folder):
    for i in ("15", "55"):
        card = Card(folder, f"scp02-{i}", f"kvn 20 des\n{key(1)}\n{key(2)}\n{key(3)}\n")
        card.close()
        profile = card.put("profile02", f"scp02_i = 0x{i}\n")
        card = Card(folder, f"scp02-{i}b", f"kvn 20 des\n{key(1)}\n{key(2)}\n{key(3)}\n",
                    f"--profile={profile}")
        # the same keys under the name that the look afterwards uses
        card.put("sets", keyset("default", "des", "20", key(1), key(2), key(3)) +
                 keyset("next", "des", "21", key(4), key(5), key(6)))
        installs(card, f"SCP02 i={i}")
        ok, said = card.plan(INSTALL, sessions=[{"keys": "default", "level": "c-mac"}])
        good((ok, said), f"SCP02 i={i}: with C-MAC alone")
        check(said.get("card", {}).get("option") == i and said["card"]["scp"] == 2,
              f"SCP02 i={i}: it was that option", json.dumps(said.get("card")))
        good(card.plan([{"op": "put-key", "keys": "next"}]), f"SCP02 i={i}: keys beside them")
        good(card.plan(REMOVE, keyset_="next"), f"SCP02 i={i}: and a plan with these")
        data = "4204AABBCCDD"
        good(card.plan([{"op": "store-data", "form": "ber", "encrypted": True, "data": data}]),
             f"SCP02 i={i}: data encrypted under S-DEK")
        ok, said = card.plan([{"op": "get-data", "tag": "42"}])
        check(ok and said["steps"][0]["data"] == data, "and they are there", json.dumps(said))
        card.close()


# ---- keys of Python ----

def pem(private):
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(private):
    return private.public_key().public_bytes(Encoding.PEM,
                                             PublicFormat.SubjectPublicKeyInfo).decode()


def der(private):
    return base64.b64encode(private.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def point(private):
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def certificate(signer, private, usage, serial):
    """A GlobalPlatform certificate (Amendment F, 6.1)."""
    body = tlv(0x93, bytes([serial])) + tlv(0x95, bytes([usage])) + \
        tlv(0x7F49, tlv(0xB0, point(private)) + tlv(0xF0, b"\0"))
    r, s = decode_dss_signature(signer.sign(body, ec.ECDSA(hashes.SHA256())))
    return tlv(0x7F21, body + tlv(0x5F37, r.to_bytes(32, "big") + s.to_bytes(32, "big")))


def put_private(card, aid, kvn, kid, private):
    """PUT KEY of a private key, which no plan has: it is made on the card, or in a factory."""
    link = peer.Card(card.path)
    session = peer.session(link, Keys(0x30, DEFAULT, DEFAULT, DEFAULT), 0x01, aid)
    value = private.private_numbers().private_value.to_bytes(32, "big")
    body = bytes([kvn]) + b"\xB1\x21\x20" + aes_cbc(DEFAULT, bytes(16), value, True) + \
        b"\xF0\x01\x00\x00"
    peer.command(link, session, gp.capdu(0x80, 0xD8, 0, kid, body, 0))
    link.close()


# ---- SCP11 ----

KINDS = {"a": 0x11, "b": 0x13, "c": 0x15}


def scp11_sets(**files):
    text = "[keyset default]\ntype=aes\nkvn=30\n" + \
        "".join(f"{k}={DEFAULT.hex()}\n" for k in ("enc", "mac", "dek"))
    for kind in KINDS:
        text += f"[keyset {kind}]\ntype=scp11{kind}\nkvn=03\n"
        if kind != "b":
            text += f"host_key={files['oce']}\nhost_certificates={files['certs']}\nca_kvn=03\n"
        text += f"card_ca={files['ca']}\n"
    return text


def test_scp11(folder):
    card = Card(folder, "scp11")
    ca, klcc, sd, oce, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(5))
    card.put("oce.pem", pem(oce))
    card.put("ca.pem", public_pem(ca))
    card.put("other.pem", public_pem(other))
    card.put("certs", (certificate(ca, klcc, 0x82, 1) +
                       certificate(klcc, oce, 0x80, 2)).hex().upper())
    card.put("stranger", certificate(other, oce, 0x80, 2).hex().upper())
    card.put("sets", scp11_sets(oce="oce.pem", certs="certs", ca="ca.pem"))
    for kid in KINDS.values():
        put_private(card, gp.ISD, 3, kid, sd)
    # more than a short answer brings: 61xx
    chain = certificate(ca, klcc, 0x82, 1) + certificate(klcc, sd, 0x80, 3)
    check(len(chain) > 256, "SCP11: certificates that no short answer brings")
    stores = [{"op": "store-data", "form": "ber",
               "data": (tlv(0xA6, tlv(0x83, bytes([kid, 3]))) + tlv(0xBF21, chain)).hex()}
              for kid in KINDS.values()]
    good(card.plan([{"op": "put-key", "publicKey": der(ca), "kvn": 3, "kid": 0x10}] + stores),
         "SCP11: the authority's key and the card's certificates are put")
    for kind in "ac":
        installs(card, f"SCP11{kind}", keyset_=kind)
        good(card.plan([{"op": "store-data", "form": "ber", "encrypted": True,
                         "data": "4204AABBCC" + "%02X" % KINDS[kind]}], keyset_=kind),
             f"SCP11{kind}: data encrypted under S-DEK")
        ok, said = card.plan([{"op": "get-data", "tag": "42"}])
        check(ok and said["steps"][0]["data"].endswith("%02X" % KINDS[kind]), "and are there",
              json.dumps(said))
    ok, said = card.plan([{"op": "get-data", "tag": "66"}], keyset_="b")
    good((ok, said), "SCP11b: the card tells of itself")
    check(said.get("card", {}).get("scp") == 27, "SCP11b: it was that", json.dumps(said))
    ok, said = card.plan(INSTALL, keyset_="b")
    check(not ok and "6982" in json.dumps(said) and not card.listed(PACKAGE),
          "SCP11b: a host that shows no key manages nothing, and is told so", json.dumps(said))
    # a card that nobody vouches for; a host that the card does not know
    card.put("sets", scp11_sets(oce="oce.pem", certs="certs", ca="other.pem"))
    ok, said = card.plan(INSTALL, keyset_="a")
    check(not ok and "bad-certificate" in json.dumps(said), "another authority's card",
          json.dumps(said))
    card.put("sets", scp11_sets(oce="oce.pem", certs="stranger", ca="ca.pem"))
    ok, said = card.plan(INSTALL, keyset_="a")
    check(not ok and not card.listed(PACKAGE), "a host with another authority's certificate",
          json.dumps(said))
    card.close()


# ---- keys and data ----

def test_keys_and_data(folder):
    card = Card(folder, "data")
    card.put("sets", keyset("default", "aes", "30", *[DEFAULT.hex()] * 3))
    for name, private, kvn, kind in (
            ("RSA 1024", rsa.generate_private_key(65537, 1024), 0x70, "A1"),
            ("RSA 2048", rsa.generate_private_key(65537, 2048), 0x71, "A1"),
            ("P-256", ec.generate_private_key(ec.SECP256R1()), 0x72, "B0"),
            ("P-384", ec.generate_private_key(ec.SECP384R1()), 0x73, "B0"),
            ("P-521", ec.generate_private_key(ec.SECP521R1()), 0x74, "B0")):
        put = [{"op": "put-key", "publicKey": der(private), "kvn": kvn}]
        good(card.plan(put), f"{name}: a public key is put")
        ok, said = card.plan([{"op": "get-data", "tag": "E0"}])
        told = said["steps"][0]["data"]
        check(ok and (f"01{kvn:02X}{kind}" in told or f"01{kvn:02X}FF{kind}" in told),
              "and the card has it", told)
        ok, said = card.plan(put)
        check(not ok and "exists" in json.dumps(said), "a second time it is there already",
              json.dumps(said))
        good(card.plan([{"op": "delete-key", "kvn": kvn}]), "and it goes")
    # 00B9 and 8113: a key in encrypted data groupings; more than one block
    crt = tlv(0xB9, tlv(0x95, b"\x10") + tlv(0x80, b"\x88") + tlv(0x81, b"\x10") +
              tlv(0x82, b"\x01") + tlv(0x83, b"\x42"))
    dgi = b"\x00\xB9" + lv(crt) + b"\x81\x13" + lv(bytes(range(16)))
    plain = b"\x00\x70" + lv(bytes.fromhex("4204AABBCCDD")) + \
        b"\x00\x70" + lv(tlv(0x66, bytes(200)))
    for name, encrypted, data, tag, want in (
            ("a key in an encrypted DGI", True, dgi, "E0", "014288"),
            ("DGIs in the clear", False, plain, "42", "AABBCCDD")):
        ok, said = card.plan([{"op": "store-data", "form": "dgi", "encrypted": encrypted,
                               "data": data.hex(), "block": 100}])
        good((ok, said), name)
        check(data[-16:].hex().upper() not in card.said or not encrypted,
              "which nobody reads in the result")
        ok, said = card.plan([{"op": "get-data", "tag": tag}])
        check(ok and want in said["steps"][0]["data"], f"{name}: it is there", json.dumps(said))
    good(card.plan([{"op": "sd-create", "aid": SSD.hex()},
                    {"op": "personalise", "aid": SSD.hex(), "form": "dgi", "encrypted": True,
                     "data": dgi.hex()}]), "a domain personalised through the one above it")
    ok, said = card.plan([{"op": "get-data", "tag": "E0"}], sessions=[{"sd": SSD.hex()}])
    check(ok and "014288" in said["steps"][0]["data"], "and it has the key", json.dumps(said))
    card.close()


# ---- delegated management ----

def signed(card, operations, sessions):
    """The operations with the tokens that sectl makes over what plan show says."""
    path = card.put("to-sign", json.dumps({"version": 1, "sessions": sessions,
                                           "operations": operations}))
    said = card.sign("plan", "show", path)
    by = f"--keys=file:{card.file('sets')}"
    out = []
    for op, step in zip(operations, (s for s in said["steps"] if s["op"] != "open")):
        command = step["apdus"][0]["command"]
        out.append({**op, "token": card.sign("token", "sign", command, by)["token"]})
    return out


def receipts(said):
    return [s.get("receipt", {}) for s in said.get("steps", [])]


def test_delegated(folder):
    card = Card(folder, "delegated")
    token, receipt, wrong, dap = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))
    isd = keyset("default", "aes", "30", *[DEFAULT.hex()] * 3)
    signers = "".join(f"[key {n}]\nuse={n}\nprivate={n}.pem\n" for n in ("token", "dap"))
    for name, private in (("token", token), ("dap", dap)):
        card.put(f"{name}.pem", pem(private))
    for name, private in (("right", receipt), ("wrong", wrong)):
        card.put(f"{name}.pem", public_pem(private))
    one, two = (f"[key {n}]\nuse=receipt\npublic={n}.pem\n" for n in ("right", "wrong"))
    card.put("sets", isd + signers)
    good(card.plan([{"op": "put-key", "publicKey": der(token), "kvn": 0x70},
                    {"op": "sd-create", "aid": SSD.hex(), "selectable": True,
                     "privileges": "E00000"},
                    {"op": "put-key", "session": 1, "publicKey": der(dap), "kvn": 0x73}],
                   sessions=[{"keys": "default"}, {"sd": SSD.hex(), "keys": "default"}]),
         "a domain with delegated management and DAP, and the keys for both")
    put_private(card, gp.ISD, 0x71, 1, receipt)
    with open(card.file("a.cap"), "wb") as f:
        f.write(base64.b64decode(CAP))
    made = card.sign("dap", "sign", card.file("a.cap"), f"--sd={SSD.hex()}",
                     f"--keys=file:{card.file('sets')}")
    block = capfile.Cap(PACKAGE, [APP], code=600).load_file()
    operations = [
        {"op": "load", "aid": PACKAGE.hex(), "code": CAP, "dap": made["dap"],
         "hash": hashlib.sha256(block).hexdigest(), "sd": SSD.hex()},
        {"op": "install", "elf": PACKAGE.hex(), "module": APP.hex(), "aid": APP.hex()},
        {"op": "make-selectable", "aid": APP.hex()},
    ]
    remove = [{"op": "delete", "aid": APP.hex()}, {"op": "delete", "aid": PACKAGE.hex()}]
    in_ssd = [{"sd": SSD.hex(), "keys": "default"}]
    ok, said = card.plan(operations, sessions=in_ssd)
    check(not ok and "6985" in json.dumps(said) and not card.listed(PACKAGE),
          "without tokens nothing is loaded", json.dumps(said))
    install, gone = (signed(card, o, in_ssd) for o in (operations, remove))
    last = 0
    for name, sets, named, want in (
            ("its key named", one + two, "right", "verified"),
            ("another key named", one + two, "wrong", "not-verified"),
            ("the only key there is", one, None, "verified"),
            ("two keys, none named", one + two, None, "no-key"),
            ("no key", "", None, "no-key")):
        card.put("sets", isd + signers + sets)
        session = [{**in_ssd[0], **({"receiptKey": named} if named else {})}]
        for plan in (install, gone):
            ok, said = card.plan(plan, sessions=session)
            good((ok, said), f"delegated, {name}: {plan[0]['op']} is done")
            checks = [r.get("check") for r in receipts(said)]
            check(checks == [want] * len(plan), f"receipts: {want}", json.dumps(said))
            warned = sum("not verified" in w for w in said.get("warnings", []))
            check(warned == (len(plan) if want == "not-verified" else 0), "and warned of",
                  json.dumps(said.get("warnings")))
            counters = [r.get("counter", 0) for r in receipts(said)]
            check(counters == list(range(last + 1, last + 1 + len(plan))), "counters move on",
                  str(counters))
            last = counters[-1]
    spoiled = json.loads(json.dumps(install))
    spoiled[0]["token"] = spoiled[1]["token"]
    ok, said = card.plan(spoiled, sessions=in_ssd)
    check(not ok and "6982" in json.dumps(said) and not card.listed(PACKAGE),
          "another command's token is refused, and nothing was done", json.dumps(said))
    before = card.attempts()
    ok, said = card.plan(install, sessions=[{**in_ssd[0], "receiptKey": "nobody"}])
    check(not ok and "no-key" in json.dumps(said) and card.attempts() == before,
          "a key that nobody has: nothing is sent", json.dumps(said))
    card.put("sets", isd + one)
    ok, said = card.plan(INSTALL, sessions=[{"keys": "default", "receiptKey": "right"}])
    check(ok and any("gave no receipt" in w for w in said.get("warnings", [])),
          "the issuer's domain gives no receipt: a warning", json.dumps(said))
    card.close()


def main():
    folder = tempfile.mkdtemp(prefix="gp-channels-")
    try:
        for test in (test_scp02, test_scp11, test_keys_and_data, test_delegated):
            test(folder)
    finally:
        for p in keys_test.Card.running:
            if p.poll() is None:
                p.kill()
        shutil.rmtree(folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
