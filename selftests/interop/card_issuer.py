# SPDX-License-Identifier: Apache-2.0
"""The issuer of the software SE: makes a domain with delegated management, and tokens for it;
the device has no part in it."""

import base64
import importlib
import json

import gp
from tap import tap
from tlv import lv, tlv

sign = importlib.import_module("gp-sign")
DEFAULT = sign.DEFAULT


def keyset(name, kvn, key):
    """A section of a key file: one AES key for all."""
    key = key.hex()
    return f"[keyset {name}]\ntype=aes\nkvn={kvn}\nenc={key}\nmac={key}\ndek={key}\n"


class Issuer:
    """keys is what the device gets: those of the domain; sent: APDUs in the card's log up to
    there."""

    domain = sign.SSD
    key = sign.DEFAULT[::-1]
    keys = keyset("dm", 31, key)

    def __call__(self, stack):
        """Prepares the card, before semd has it."""
        self.place = sign.Place(stack.folder)
        sign.make_key(self.place, "p256", "EC", "ec_paramgen_curve:P-256")
        card = sign.peer.Card(stack.socket)
        isd = sign.Host(card, gp.ISD)
        made = isd.put_key(0x70, sign.ec_field(self.place, "p256", 0)), \
            sign.domain(isd, self.domain, sign.DELEGATED)
        host = sign.Host(card, self.domain)
        sets = b"\x31" + sign.aes_field(self.key) * 3
        made += host.send(gp.capdu(0x80, 0xD8, 0, 0x81, sets, 0))[1],
        card.close()
        self.sent = len(stack.apdus())
        tap(made == (0x9000,) * 3, "a card with a domain with delegated management, "
            "tokens are verified by the issuer's", str(made))

    def token(self, apdu):
        """The issuer's signature over a command without token, by OpenSSL."""
        body = apdu[5:5 + apdu[4]]
        body = body if apdu[1] == 0xE4 else body[:-1]
        self.place.write("data", apdu[2:4] + lv(body))
        sign.openssl("dgst", "-sha256", "-sign", self.place.path("p256.pem"), "-out",
                     self.place.path("sig"), self.place.path("data"))
        return sign.from_openssl(self.place.read("sig"), 32)

    @staticmethod
    def install(p1, *fields):
        """INSTALL up to where a token goes."""
        return gp.capdu(0x80, 0xE6, p1, 0, b"".join(map(lv, fields)) + b"\0", 0)

    def load_plan(self, cap, token):
        """The text of a plan that loads, with a token or without."""
        file = cap.load_file()
        op = {"op": "load", "aid": cap.package.hex(), "sd": self.domain.hex(),
              "hashAlgorithm": "sha256", "code": base64.b64encode(tlv(0xC4, file)).decode()}
        if token:
            apdu = gp.install_for_load(cap.package, gp.LoadFile(file).hash, self.domain)
            op["token"] = self.token(apdu).hex()
        return json.dumps({"version": 1, "operations": [op],
                           "sessions": [{"sd": self.domain.hex(), "keys": "dm"}]}).encode()

    def registry(self, stack):
        """{AID: (state, domain)}, with the issuer's own keys."""
        card = sign.peer.Card(stack.socket)
        host, seen = sign.Host(card, gp.ISD), {}
        for kind, what in (("app", gp.OF_APPLICATIONS), ("elf", gp.OF_LOAD_FILES)):
            data, _ = host.send(gp.get_status(what))
            seen |= {r.aid: (r.state_name, r.domain) for r in gp.records(kind, data)}
        card.close()
        return seen
