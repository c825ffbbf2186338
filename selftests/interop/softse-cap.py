#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CAP files against the software SE: what is valid loads, shows its modules and
instantiates; what is broken is refused with 6A80 and leaves nothing behind; imports are
resolved against what is installed, and keep it from being deleted. Prints TAP; run inside
the Debian 13 root."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import importlib  # noqa: E402

import cap as capfile  # noqa: E402
import gp  # noqa: E402
from scp03 import Keys  # noqa: E402
from stack import Stack  # noqa: E402
from tap import tap  # noqa: E402

peer = importlib.import_module("scp03-softse")

PACKAGE = bytes.fromhex("F0534553414D4520")
LIBRARY = bytes.fromhex("F0534553414D4521")
UICC = bytes.fromhex("A0000000090005FFFFFFFF8911000000")
APPS = [PACKAGE + bytes([n]) for n in range(1, 4)]


class Host:
    """One session, status words only."""

    def __init__(self, card):
        self.card = card
        key = bytes(range(0x40, 0x50))
        self.session = peer.session(card, Keys(0x30, key, key, key), 0x01)

    def send(self, apdu):
        w = self.session.wrap(apdu)
        return self.session.unwrap(self.card.send(w.apdu), w)

    def load(self, aid, data):
        file = gp.LoadFile(data)
        _, sw = self.send(gp.install_for_load(aid, file.hash, gp.ISD))
        if sw != 0x9000:
            return sw
        for block in file.loads(self.session.max_data):
            _, sw = self.send(block)
            if sw != 0x9000:
                break
        return sw

    def files(self):
        data, sw = self.send(gp.get_status(gp.OF_LOAD_FILES_AND_MODULES))
        return {r.aid: r.modules for r in gp.records("elf", data)} if sw == 0x9000 else {}


def valid(host):
    for minor in (1, 2, 3):
        c = capfile.Cap(PACKAGE, APPS, minor=minor, code=1200,
                        resource=b"sesame" * 50 if minor == 3 else b"")
        sw = host.load(PACKAGE, c.load_file())
        tap(sw == 0x9000, f"a CAP file of format 2.{minor} loads", f"{sw:04X}")
        tap(host.files() == {PACKAGE: tuple(APPS)}, "its modules are listed", str(host.files()))
        _, sw = host.send(gp.install_and_make_selectable(PACKAGE, APPS[1], APPS[1]))
        tap(sw == 0x9000, "a module that nobody has code for installs", f"{sw:04X}")
        tap(host.card.send(gp.select(APPS[1])) == b"\x69\x99", "and cannot be selected: 6999")
        _, sw = host.send(gp.install_and_make_selectable(PACKAGE, PACKAGE + b"\x09", APPS[2]))
        tap(sw == 0x6A88, "a module that is not in the file: 6A88", f"{sw:04X}")
        _, sw = host.send(gp.delete(PACKAGE, related=True))
        tap(sw == 0x9000 and not host.files(), "all of it goes again", f"{sw:04X}")
    c = capfile.Cap(PACKAGE, APPS)
    sw = host.load(LIBRARY, c.load_file())
    tap(sw == 0x6A80, "a file that is not the package that INSTALL names: 6A80", f"{sw:04X}")


def imports(host):
    user = capfile.Cap(PACKAGE, APPS, imports=[(capfile.FRAMEWORK, 1, 0), (LIBRARY, 1, 1)])
    sw = host.load(PACKAGE, user.load_file())
    tap(sw == 0x6A88, "an import that is not there: 6A88", f"{sw:04X}")
    for version, want in (((1, 0), 0x6A88), ((2, 1), 0x6A88), ((1, 2), 0x9000)):
        library = capfile.Cap(LIBRARY, export=True, version=version)
        sw = host.load(LIBRARY, library.load_file())
        tap(sw == 0x9000, f"a library of version {version[0]}.{version[1]} loads", f"{sw:04X}")
        sw = host.load(PACKAGE, user.load_file())
        tap(sw == want, f"what needs 1.1 of it: {want:04X}", f"{sw:04X}")
        if want != 0x9000:
            host.send(gp.delete(LIBRARY))
    _, sw = host.send(gp.delete(LIBRARY))
    tap(sw == 0x6985, "a library that is needed stays", f"{sw:04X}")
    for aid in (PACKAGE, LIBRARY):
        _, sw = host.send(gp.delete(aid))
        tap(sw == 0x9000, "in the right order both go", f"{sw:04X}")
    for what, entry in (("a UICC package", (UICC, 1, 0)),
                        ("a framework of tomorrow", (capfile.FRAMEWORK, 1, 99)),
                        ("another major version", (capfile.FRAMEWORK, 2, 0))):
        sw = host.load(PACKAGE, capfile.Cap(PACKAGE, APPS, imports=[entry]).load_file())
        tap(sw == 0x6A88, f"{what} is not on this card: 6A88", f"{sw:04X}")


def faults(host):
    for minor in (1, 2, 3):
        for name, data in capfile.broken(capfile.Cap(PACKAGE, APPS, export=True, minor=minor,
                                                     resource=b"\1" * (minor // 3))):
            sw = host.load(PACKAGE, data)
            tap(sw == 0x6A80 and not host.files(), f"broken CAP file (2.{minor}): {name}",
                f"{sw:04X}, {host.files()}")


def main():
    stack = Stack("coap://127.0.0.1:1")
    stack.start_softse()
    try:
        host = Host(peer.Card(stack.socket))
        valid(host)
        imports(host)
        faults(host)
        host.card.close()
    finally:
        tap(stack.stop_softse() == 0, "softse ends with status 0")
        stack.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
