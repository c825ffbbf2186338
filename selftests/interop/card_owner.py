# SPDX-License-Identifier: Apache-2.0
"""The owner of a card with sectl in hand, and somebody who looks at the card without it:
what card-flow.py is made of."""

import glob
import importlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))

import gp  # noqa: E402
from scp03 import Keys, Scp03Error, Session  # noqa: E402
from stack import OUT, wait_until  # noqa: E402
from tap import tap  # noqa: E402

peer = importlib.import_module("scp03-softse")

MODULES = "build/kmod/driver"
OK, NOT_FOUND, REFUSED, CARD = 0, 3, 4, 7
ISD = gp.ISD.hex().upper()
SSD, SSD2 = "F0534553414D455331", "F0534553414D455332"
# the card's test applet is what this module is when it is loaded
PACKAGE, MODULE = "F0534553414D4501", "F0534553414D450101"
APP, APP2 = MODULE, "F0534553414D4501A2"
CIN = "0102030405060708"
DOMAIN, DELEGATED, NONE = "800000", "E00000", "000000"  # privileges, GPCS table 11-7


def key(n):
    """The n-th key of the test."""
    return bytes((n * 37 + i * 59 + 11) & 0xFF for i in range(16))


SETS = {name: Keys(kvn, key(n), key(n + 1), key(n + 2))
        for name, kvn, n in (("isd", 0x30, 1), ("ssd", 0x30, 4), ("ssd2", 0x30, 7),
                             ("isd2", 0x30, 10), ("isd3", 0x31, 13))}


def keyset(name):
    k = SETS[name]
    return (f"[keyset {name}]\ntype=aes\nkvn={k.kvn:02X}\nenc={k.enc.hex()}\n"
            f"mac={k.mac.hex()}\ndek={k.dek.hex()}\n")


def check(good, name, seen):
    """tap(), which tells what was seen if that is not good."""
    return tap(good, name, "" if good else str(seen)[:900])


class Device:
    """C-APDUs through the driver, one after the other."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR)

    def send(self, apdu):
        os.write(self.fd, apdu)
        return os.read(self.fd, 65538)

    def close(self):
        os.close(self.fd)


class Reader:
    """What the card says to somebody else than sectl."""

    def __init__(self, connect):
        self.connect = connect
        self.keys = SETS["isd"]

    def __enter__(self):
        self.card = self.connect()
        return self.card

    def __exit__(self, *_):
        self.card.send(gp.select(gp.ISD))  # nothing stays in use
        self.card.close()

    @staticmethod
    def session(card, keys, aid=gp.ISD):
        """SCP03 with R-ENC; SELECT in CARD_LOCKED is answered by a warning."""
        sw = card.send(gp.select(aid))[-2:]
        if sw not in (b"\x90\x00", b"\x62\x83"):
            raise Scp03Error(f"SELECT: {sw.hex()}")
        s = Session(keys, aid=aid)
        s.card_answer(card.send(s.initialize_update()))
        s.authenticated(card.send(s.external_authenticate(0x33)))
        return s

    def registry(self):
        """{AID: (state, domain, privileges)}"""
        out = {}
        with self as card:
            s = self.session(card, self.keys)
            for kind, what in (("isd", gp.OF_ISD), ("app", gp.OF_APPLICATIONS),
                               ("elf", gp.OF_LOAD_FILES_AND_MODULES)):
                sw, following = 0x6310, False
                while sw == 0x6310:
                    data, sw = peer.command(card, s, gp.get_status(what, following),
                                            want=(0x9000, 0x6310, 0x6A88))
                    following = True
                    for r in gp.records(kind, data):
                        out[r.aid.hex().upper()] = (
                            r.state_name, (r.domain or b"").hex().upper(),
                            r.privileges.hex().upper())
        return out

    def free(self):
        """FF21 of the issuer's domain: how many applications, how much memory."""
        with self as card:
            s = self.session(card, self.keys)
            return peer.command(card, s, gp.get_data(0xFF21))[0].hex().upper()

    def opens(self, aid, keys):
        """Whether these keys open that domain, seen from the card's cryptogram."""
        with self as card:
            try:
                self.session(card, keys, bytes.fromhex(aid))
                return True
            except Scp03Error:
                return False

    def ask(self, aid, apdu):
        """(status word of SELECT, answer to one command of the application)"""
        with self as card:
            selected = card.send(gp.select(bytes.fromhex(aid)))[-2:].hex().upper()
            return selected, card.send(bytes.fromhex(apdu)).hex().upper()


class Bench:
    """A folder, the card, and sectl."""

    def __init__(self, folder, vm):
        self.folder, self.vm = folder, vm
        self.log, self.state = self.path("apdu.log"), self.path("own")
        self.processes = []
        self.put("profile", f"cin = {CIN}\n")
        isd = SETS["isd"]
        self.put("card.keys", f"{isd.enc.hex()}\n{isd.mac.hex()}\n{isd.dek.hex()}\n")
        self.put("sets", "".join(keyset(n) for n in SETS))

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, data):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with open(os.open(self.path(name), flags, 0o600), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def start(self, *args):
        with open(self.path(f"{os.path.basename(args[0])}.log"), "ab") as log:
            self.processes.append(subprocess.Popen(args, stdout=log, stderr=log))

    def start_card(self):
        if self.vm:
            for m in ("se", "se-spi", "se-sim"):
                subprocess.run(["insmod", f"{MODULES}/{m}.ko"], check=True)
            wire, there = "--sim", "/dev/se0"
            self.target, self.semd_opens = "se0", "ioctl:/dev/se0"
            reader = Reader(lambda: Device("/dev/se0"))
        else:
            there = self.path("se")
            wire = f"--apdu-socket={there}"
            self.target = self.semd_opens = f"socket:{there}"
            reader = Reader(lambda: peer.Card(there))
        self.start(f"{OUT}/softse", wire, f"--profile={self.path('profile')}",
                   f"--keys={self.path('card.keys')}", f"--log={self.log}", "--no-fsync")
        wait_until(lambda: glob.glob(there), 20, "the SE")
        return reader

    def start_semd(self):
        os.makedirs(self.path("run"))
        sections = [f"[semd]\nstate_dir={self.path('semd')}\nruntime_dir={self.path('run')}\n",
                    f"[se se0]\nopen={self.semd_opens}\n"]
        sections += [f"[keyset {n}]\nkeys=file:{self.path('sets')}\n" for n in SETS]
        self.put("semd.conf", "".join(sections))
        self.start(f"{OUT}/semd", f"--config={self.path('semd.conf')}")
        self.socket = self.path("run/io.sesame.Manager")
        wait_until(lambda: os.path.exists(self.socket), 20, "semd's control socket")

    def stop(self):
        """Exit statuses, the last one started first."""
        for p in reversed(self.processes):
            p.terminate()
        return [p.wait(20) for p in reversed(self.processes)]

    def attempts(self):
        """How many EXTERNAL AUTHENTICATE the card has seen."""
        with open(self.log, encoding="ascii") as f:
            return sum(line.split()[3][2:4] == "82" for line in f if line.count(" ") > 3)

    def leaks(self):
        """Files that sectl or semd wrote and a key is in, as bytes, digits, or digits' digits
        (of a text in JSON)."""
        found = []
        secrets = [k for s in SETS.values() for k in (s.enc, s.mac, s.dek)] + [key(20)]
        digits = [f(k.hex()).encode() for k in secrets for f in (str.lower, str.upper)]
        wanted = secrets + digits + [f(d.hex()).encode() for d in digits
                                     for f in (str.lower, str.upper)]
        for top in (self.state, self.path("semd"), self.path("semd.log")):
            files = [os.path.join(d, n) for d, _, names in os.walk(top) for n in names]
            for name in files or [top] * os.path.isfile(top):
                with open(name, "rb") as f:
                    data = f.read()
                found += [name] * any(w in data for w in wanted)
        return found

    def ledger(self):
        """All of it, byte by byte."""
        out = {}
        for name in glob.glob(f"{self.state}/attempts/*"):
            with open(name, "rb") as f:
                out[name] = f.read()
        return out


class Owner:
    """sectl as one calls it; self.expect is the registry as it has to be."""

    def __init__(self, bench, reader, through_semd=False):
        self.bench, self.reader, self.semd = bench, reader, through_semd
        self.expect = {ISD: ("OP_READY", "", None)}

    def options(self, keyset_name):
        if self.semd:
            return ["--se=semd:se0", f"--socket={self.bench.socket}",
                    *([f"--keyset={keyset_name}"] if keyset_name else [])]
        out = [f"--se={self.bench.target}"]
        if keyset_name:
            out += [f"--keyset={keyset_name}", f"--state-dir={self.bench.state}",
                    f"--keys=file:{self.bench.path('sets')}"]
        return out

    @staticmethod
    def offline(*args):
        """(exit status, result or error) of a verb"""
        r = subprocess.run([f"{OUT}/sectl", "--json", *args], stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=60, text=True, check=False)
        try:
            said = json.loads(r.stdout)
        except ValueError:
            return r.returncode, {"message": r.stdout + r.stderr}
        return r.returncode, said["error"] if r.returncode else said["result"]

    def card(self, keys, *args):
        return self.offline(*args, *self.options(keys))

    def difference(self):
        """What of the registry is not as expected; '' if all is."""
        seen = self.reader.registry()
        return "; ".join(
            f"{aid} is {seen.get(aid)}, expected {want}"
            for aid in {**seen, **self.expect}
            for want in [self.expect.get(aid)]
            if (seen.get(aid) is None) != (want is None) or want and
            any(w is not None and w != s for w, s in zip(want, seen[aid])))

    def step(self, name, keys, *args, status=OK, changes=None):
        """A verb ends with this status, and the registry changes so: the result."""
        rc, said = self.card(keys, *args)
        for aid, entry in (changes or {}).items():
            if entry:
                self.expect[aid] = entry
            else:
                self.expect.pop(aid, None)
        differs = self.difference()
        self.check(rc == status and not differs, name,
                   f"sectl {' '.join(args)}: status {rc}, expected {status}; registry: "
                   f"{differs or 'as expected'}; {json.dumps(said)}")
        return said

    def check(self, good, name, seen=""):
        return check(good, ("semd: " if self.semd else "") + name, seen)

    def token(self, name, keys, *args):
        """(option, command) of a delegated management verb: what a dry run shows, signed
        offline by the issuer."""
        _, planned = self.card(keys, *args, "-n")
        command = planned["steps"][-1]["apdus"][0]["command"]
        path = self.bench.path(f"{name}.token")
        issuer = f"--keys=file:{self.bench.path('issuer.keys')}"
        rc, said = self.offline("token", "sign", command, issuer, f"--output={path}")
        if rc == OK and not self.semd:  # where it is signed semd has no part
            rc, said = self.offline("token", "verify", command, issuer, f"--token={path}")
        if rc != OK:
            raise AssertionError(f"the token for {name}: {said}")
        return path, command

    def receipt(self, name, said, command):
        """The card has signed that it did this, in the domain SSD."""
        raw = said.get("steps", [{}])[0].get("receipt", {}).get("raw", "")
        rc, said = self.offline("receipt", "verify", raw, command, f"--sd={SSD}",
                                f"--keys=file:{self.bench.path('issuer.keys')}")
        self.check(rc == OK, f"the receipt for {name} is right", f"{raw}: {said}")
