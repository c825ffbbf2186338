#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two hosts do the same to two copies of one card: GPShell (Debian) through pcscd, sectl on
softse's socket. A package is loaded, an instance made, locked, unlocked, deleted. Each command
that changes the card is compared as it went over, each copy of the card behind each part.

Where the secure channel has C-MAC alone the data are compared byte by byte, with encryption
the headers and lengths. Whatever differs must be in KNOWN, with its reason, and must occur.
That the commands are those that the card got is checked against softse's log, which has a hash
of each. Runs in the root, in a network of its own; skipped without pcscd, vpcd, gpshell."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../server"))

from cap import Cap  # noqa: E402
from card_relay import Relay  # noqa: E402
from pcscd import OUT, SOFTSE, Pcscd, Softse, missing, own_network, run, run_until  # noqa: E402
from tap import tap  # noqa: E402

ISD = "A000000151000000"
ELF, MODULE, APP = (f"F0534553414D45{tail}" for tail in ("20", "2001", "2002"))
OTHER = "F0534553414D4521"  # is on the card before
KEY = "404142434445464748494A4B4C4D4E4F"
BLOCK = {2: 239, 3: 231}  # bytes of a LOAD: what GPShell takes
SIZE = 512  # of the code; GPShell tells the card so for 500
LEVELS = {0x01: "c-mac", 0x03: "c-mac,c-enc", 0x13: "c-mac,c-enc,r-mac"}
CHANGING = {0xE6: "INSTALL", 0xE8: "LOAD", 0xF0: "SET STATUS", 0xE4: "DELETE"}

# the parts: what GPShell is told, what sectl's plan has
PARTS = (
    ("load, install, lock",
     f"install -file {{cap}} -nvCodeLimit 500 -instAID {APP} -pkgAID {ELF} -AID {MODULE} -priv 0\n"
     f"send_apdu -sc 1 -APDU 80F0408009{APP}\n",
     lambda code, block: [
         {"op": "load", "aid": ELF, "sd": ISD, "code": code, "block": block,
          "system": f"C602{SIZE:04X}"},
         {"op": "install", "elf": ELF, "module": MODULE, "aid": APP, "selectable": True},
         {"op": "lock", "aid": APP}]),
    ("unlock", f"send_apdu -sc 1 -APDU 80F0400009{APP}\n",
     lambda *_: [{"op": "unlock", "aid": APP}]),
    ("delete", f"delete -AID {APP}\ndelete -AID {ELF}\n",
     lambda *_: [{"op": "delete", "aid": aid, "related": True} for aid in (APP, ELF)]),
)


class Case:
    """One protocol, one level: a folder, the options of the card."""

    def __init__(self, where, scp, i, level):
        self.scp, self.i, self.level = scp, i, level
        self.where = os.path.join(where, f"{scp}-{i:02x}-{level:02x}")
        os.mkdir(self.where)
        self.kvn = 0x20 if scp == 2 else 0x30
        self.options = [f"--scp={i:02x}"] if scp == 3 else [
            f"--keys={self.put('keys', f'kvn 20 des\n{KEY}\n')}",
            f"--profile={self.put('profile', f'scp02_i = {i}\n')}"]
        self.put("sets", f"[keyset isd]\ntype={'des' if scp == 2 else 'aes'}\nkvn={self.kvn:02X}\n"
                 + "".join(f"{n}={KEY}\n" for n in ("enc", "mac", "dek")))
        self.file_ = Cap(bytes.fromhex(ELF), [bytes.fromhex(MODULE)], code=SIZE).load_file()
        with open(self.path("cap.ijc"), "wb") as f:
            f.write(self.file_)
        self.plans = 0

    def path(self, name):
        return os.path.join(self.where, name)

    def put(self, name, text):
        with open(self.path(name), "w", encoding="ascii",
                  opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        return self.path(name)

    def softse(self, name, **kw):
        """A card of that name, its state and its log in files."""
        more = [] if kw.get("vpcd") else [f"--apdu-socket={self.path(name + '.se')}"]
        return Softse(*self.options, *more, f"--state={self.path(name)}", "--no-fsync",
                      f"--log={self.path(name + '.log')}", **kw)

    def sectl(self, path, operations):
        """What sectl says of a plan: (state, all of it)"""
        self.plans += 1
        plan = self.put(f"plan{self.plans}", json.dumps(
            {"version": 1, "operations": operations,
             "sessions": [{"sd": ISD, "keys": "isd", "level": LEVELS[self.level]}]}))
        p = subprocess.run([f"{OUT}/sectl", "plan", "run", plan, "--json", f"--se=socket:{path}",
                            f"--keys=file:{self.path('sets')}",
                            f"--state-dir={self.path('state')}"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=60, check=False)
        done = p.returncode == 0 and json.loads(p.stdout)["result"]["state"] == "done"
        return done, p.stdout + p.stderr

    def gpshell(self, commands):
        """What GPShell sent, as its trace has it, and what it complained of."""
        script = self.put("script", "mode_211\nenable_trace\nestablish_context\ncard_connect\n"
                          f"select -AID {ISD}\nopen_sc -scp {self.scp} -scpimpl {self.i} "
                          f"-security {self.level} -keyver {self.kvn} -mac_key {KEY} "
                          f"-enc_key {KEY} -kek_key {KEY}\n{commands}"
                          "card_disconnect\nrelease_context\n")
        text = run_until("open_sc", "gpshell", script)
        bad = [line for line in text.splitlines() if "failed" in line or
               "returns 0x" in line and "9000 (S" not in line]
        if not text.rstrip().endswith("release_context"):
            bad.append("did not come to its end: " + text[-300:])
        return [bytes.fromhex(x) for x in
                re.findall(r"^Wrapped command --> ([0-9A-F]+)$", text, re.M)], bad

    def logged(self, name, since):
        """Hashes of the C-APDUs that a card ran, and how many lines there are now."""
        with open(self.path(name + ".log"), encoding="ascii") as f:
            lines = f.read().splitlines()
        return [line.split()[6] for line in lines[since:]], len(lines)


def hashes(commands):
    return [hashlib.sha256(c).hexdigest()[:8] for c in commands]


# What sectl sends beside, (INS, P1, P2): (how often in one plan, why)
BESIDE = {
    (0x70, 0x00, 0x00): (1, "a logical channel of its own; GPShell has the basic one"),
    (0x70, 0x80, 0x01): (1, "and it is given back"),
    (0xCA, 0x00, 0x66): (1, "card recognition data: which protocol; GPShell is told"),
    (0xCA, 0x9F, 0x7F): (1, "CPLC: which card it is, for the record and the attempt ledger"),
    (0xF2, 0x80, 0x02): (2, "the registry before and after, for resume and rollback: the ISD"),
    (0xF2, 0x40, 0x02): (2, "applications"),
    (0xF2, 0x20, 0x02): (2, "load files"),
}
# Commands of GPShell without Le where sectl has one, (INS, P1): why it matters to neither
NO_LE = {
    (0xA4, 0x04): "SELECT: GPShell leaves the length to the reader",
    (0xE8, 0x00): "LOAD: only the last is answered with data; under R-MAC each is",
    (0xF0, 0x40): "SET STATUS: without data, but under R-MAC with one",
}


def plain(c, level):
    """(INS, P1, P2, Lc, data, Le) without the MAC; data only where they are clear and no
    challenge or cryptogram."""
    lc = c[4] if len(c) > 5 else 0
    le = c[5 + lc:] if lc else c[4:]
    if c[1] in CHANGING and not level & 2:
        return (*c[1:4], lc - 8, c[5:5 + lc - 8], le)
    return (*c[1:4], lc, c[5:5 + lc] if c[1] == 0xA4 else b"", le)


def differences(theirs, ours, level, met):
    """What differs and is not known to; met gets what is."""
    bad = []
    theirs, ours = ([plain(c, level) for c in x] for x in (theirs, ours))
    for header, (times, why) in BESIDE.items():
        n = sum(c[:3] == header for c in ours)
        if n != times:
            bad.append(f"{bytes(header).hex()} {n} times instead of {times} ({why})")
    ours = [c for c in ours if c[:3] not in BESIDE]
    if [c[:3] for c in theirs] != [c[:3] for c in ours]:
        return [*bad, *(" ".join(bytes(c[:3]).hex() for c in x) for x in (theirs, ours))]
    for g, s in zip(theirs, ours):
        if g[3:5] != s[3:5]:
            bad.append(f"{bytes(g[:3]).hex()}: {g[3]} {g[4].hex()} is not {s[3]} {s[4].hex()}")
        if g[5] != s[5] and (g[5] or g[:2] not in NO_LE):
            bad.append(f"{bytes(g[:3]).hex()}: Le {g[5].hex()} and {s[5].hex()}")
        elif g[5] != s[5]:
            met.add(g[:2])
    return bad


def alike(a, b):
    out, status = run(SOFTSE, f"--state={a}", f"--compare={b}")
    return status == 0, out


def case(where, scp, i, level, met):
    c = Case(where, scp, i, level)
    name = f"SCP0{scp} i={i:02X} level {level:02X}"
    base = Cap(bytes.fromhex(OTHER), [bytes.fromhex(OTHER + "01")], code=100).load_file()
    with c.softse("one", vpcd=False):
        good, said = c.sectl(c.path("one.se"), [
            {"op": "load", "aid": OTHER, "code": base64.b64encode(base).decode()},
            {"op": "install", "elf": OTHER, "module": OTHER + "01", "aid": OTHER + "02",
             "selectable": True}])
    if not good:
        return tap(False, f"{name}: a card to begin with", said[-500:])
    shutil.copy(c.path("one"), c.path("theirs"))
    shutil.copy(c.path("one"), c.path("ours"))
    since = {"theirs": 0, "ours": 0}
    relay = Relay(c.path("relay"), c.path("ours.se"))
    with c.softse("theirs") as reader, c.softse("ours", vpcd=False):
        reader.wait_for("connected")
        for part, commands, operations in PARTS:
            sent, bad = c.gpshell(commands.format(cap=c.path("cap.ijc")))
            good, said = c.sectl(c.path("relay"),
                                 operations(base64.b64encode(c.file_).decode(), BLOCK[scp]))
            tap(good and not bad, f"{name}: {part}: both say it is done",
                "" if good and not bad else f"{bad} {said[-500:]}")
            passed = relay.take()
            for who, seen in (("theirs", sent), ("ours", passed)):
                ran, since[who] = c.logged(who, since[who])
                tap(ran == hashes(seen), f"{name}: {part}: {len(ran)} commands, {who}, are those "
                    "that the card had")
            bad = differences(sent, passed, level, met)
            tap(not bad, f"{name}: {part}: nothing differs but what is known to", "; ".join(bad))
            same, out = alike(c.path("theirs"), c.path("ours"))
            tap(same, f"{name}: {part}: the cards are alike", "" if same else out)
            _, out = alike(c.path("theirs"), c.path("one"))
            there = APP.lower() in out
            tap(there != (part == "delete"), f"{name}: {part}: the instance is"
                + " not" * (not there) + " there")
    relay.stop()
    rest = [line for line in out.splitlines() if line[:6] not in ("- key ", "+ key ", "")]
    tap(not rest, f"{name}: and both as before, but for how often a key was used", "; ".join(rest))


def main():
    absent = missing("gpshell")
    if absent:
        tap.skip("GPShell and sectl", f"without {' and '.join(absent)}")
        return tap.done()
    own_network()
    met = set()
    with tempfile.TemporaryDirectory() as where, Pcscd():
        for scp, i, level in ((2, 0x15, 0x01), (2, 0x55, 0x03), (3, 0x60, 0x01), (3, 0x70, 0x13)):
            case(where, scp, i, level, met)
    tap(met == set(NO_LE), "each known difference was met",
        "; ".join(NO_LE[k] for k in set(NO_LE) - met))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
