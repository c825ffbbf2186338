#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Large packages by sectl: 64 and 200 KiB in short commands, so more than 256 blocks, and in
extended ones; directly and through semd; into a card that ends at block FF. What went over
is read from the card's own log. TAP on stdout. Inside the Debian 13 root.
"""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import cap as capfile  # noqa: E402
from stack import OUT, Stack, wait_until  # noqa: E402
from tap import tap  # noqa: E402

PACKAGE = bytes.fromhex("F0534553414D4501")
APPLET = bytes.fromhex("F0534553414D450101")
SIZES = {"64": 64 << 10, "200": 200 << 10}


def package(kib):
    """About as many KiB, nearly all of it a static resource that does not repeat."""
    size = SIZES[kib]
    data = b"".join((i * 2654435761 & 0xFFFFFFFF).to_bytes(4, "big") for i in range(size // 4))
    return capfile.Cap(PACKAGE, [APPLET], minor=3, resource=data)


class Place:
    def __init__(self, stack):
        self.stack = stack
        self.seen = 0

    def path(self, name):
        return self.stack.path(name)

    def sectl(self, target, *args):
        """Exit status and JSON of sectl."""
        where = [f"--se={target}", "--keyset=isd"]
        if target.startswith("semd:"):
            where.append(f"--socket={self.path('run')}/io.sesame.Manager")
        else:
            where += [f"--keys=file:{self.path('isd.keys')}",
                      f"--state-dir={self.path('own')}"]
        p = subprocess.run([os.path.join(OUT, "sectl"), "--json", *args, *where],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=120, check=False)
        return p.returncode, p.stdout.decode() + p.stderr.decode()

    def loads(self):
        """(P1, P2, data bytes) of the LOADs since the last call."""
        new, out = self.stack.apdus()[self.seen:], []
        self.seen += len(new)
        for words in new:  # seq ns channel HEADER lc SW hash
            header = bytes.fromhex(words[3])
            if header[1] == 0xE8:
                out.append((header[2], header[3], int(words[4])))
        return out


def check(good, name, said=""):
    """tap(), which tells what sectl said if that is not good."""
    return tap(good, name, "" if good else said[:500])


def in_order(blocks):
    return all(p2 == i & 0xFF and (p1 == 0x80) == (i == len(blocks) - 1)
               for i, (p1, p2, _) in enumerate(blocks))


def load_and_delete(place, target, kib, profile, short):
    options = [f"--profile={profile}"] if profile else []
    status, said = place.sectl(target, "package", "load", place.path(f"{kib}.cap"), *options)
    blocks = place.loads()
    name = f"{target.split(':')[0]}, {kib} KiB, {'short' if short else 'extended'}"
    check(status == 0, f"{name}: loaded", said)
    check(in_order(blocks) and (len(blocks) > 256 if short else 0 < len(blocks) < 6),
          f"{name}: {len(blocks)} blocks, of up to {max((b[2] for b in blocks), default=0)} bytes, in order")
    status, said = place.sectl(target, "package", "list")
    check(status == 0 and PACKAGE.hex().upper() in said, f"{name}: the card has it", said)
    status, said = place.sectl(target, "package", "delete", PACKAGE.hex())
    check(status == 0, f"{name}: deleted", said)
    place.loads()


def ends_at_ff(place):
    """A card that takes 256 blocks: by profile refused at home, else by the card."""
    target = f"socket:{place.stack.socket}"
    status, said = place.sectl(target, "package", "load", place.path("64.cap"),
                               "--profile=gp-256-blocks")
    check(status != 0 and "too-long" in said and "256" in said and not place.loads(),
          "gp-256-blocks: refused before the first LOAD, in words", said)
    status, said = place.sectl(target, "package", "load", place.path("64.cap"), "--dry-run",
                               "--profile=gp-256-blocks")
    check(status != 0 and "too-long" in said, "and by --dry-run", said)
    status, said = place.sectl(target, "package", "load", place.path("64.cap"),
                               "--profile=generic")
    blocks = place.loads()
    check(status != 0 and "6A86" in said and [b[1] for b in blocks[-1:]] == [0xFF],
          "generic: the card refuses block FF, 6A86", said)
    status, said = place.sectl(target, "package", "list")
    check(status == 0 and PACKAGE.hex().upper() not in said, "and nothing is left of it")
    status, said = place.sectl(target, "package", "load", place.path("64.cap"))
    check(status == 0 and len(place.loads()) < 6, "in extended length that card takes it", said)


def main():
    stack = Stack("coap://127.0.0.1:1")
    place = Place(stack)
    key = "404142434445464748494A4B4C4D4E4F"
    with open(place.path("isd.keys"), "w", encoding="ascii",
              opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(f"[keyset isd]\ntype=aes\nkvn=0x30\nenc={key}\nmac={key}\ndek={key}\n")
    for kib in SIZES:
        with open(place.path(f"{kib}.cap"), "wb") as f:
            f.write(package(kib).zip())
    with open(place.path("card.profile"), "w", encoding="ascii") as f:
        f.write("no_load_wrap = 1\n")
    stack.set["keyset isd.keys"] = f"file:{place.path('isd.keys')}"
    stack.start()
    try:
        wait_until(lambda: os.path.exists(place.path("run/io.sesame.Manager")), 10, "semd")
        for kib in SIZES:
            for target in (f"socket:{stack.socket}", "semd:se0"):
                load_and_delete(place, target, kib, "", short=False)
                load_and_delete(place, target, kib, "generic", short=True)
        stack.stop_semd()
        stack.stop_softse()
        os.unlink(place.path("se.state"))
        stack.start_softse(f"--profile={place.path('card.profile')}")
        ends_at_ff(place)
    finally:
        stack.stop()
        stack.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
