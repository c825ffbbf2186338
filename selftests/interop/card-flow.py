#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A card's life as its owners lead it, with sectl alone: security domains with keys of
their own, an application loaded with a DAP block under delegated management with tokens,
personalised, extradited, locked, deleted; the same through semd; then keys rotated, the
card locked and terminated. After each step the registry is compared with the expected one
by a reader that shares no code with sectl (selftests/server). TAP on stdout.

    card-flow.py        the software SE on a socket; inside the Debian 13 root
    card-flow.py --vm   behind the driver, on /dev/se0; in the virtual machine
"""

import json
import os
import pty
import select
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import cap as capfile  # noqa: E402
import gp  # noqa: E402
from card_owner import (APP, APP2, CARD, CIN, DELEGATED, DOMAIN, ISD, MODULE, NONE,  # noqa: E402
                        NOT_FOUND, OK, PACKAGE, REFUSED, SETS, SSD, SSD2, Bench, Owner,
                        check, key)
from scp03 import Scp03Error  # noqa: E402
from stack import OUT  # noqa: E402
from tap import tap  # noqa: E402


def sign_keys(owner):
    """The issuer's keys for tokens and receipts, the vendor's for DAP blocks."""
    bench = owner.bench
    for name in ("token", "dap"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-out", bench.put(f"{name}.pem", "")],
                       check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "pkey", "-in", bench.path(f"{name}.pem"), "-pubout",
                        "-out", bench.path(f"{name}.pub")], check=True)
    bench.put("issuer.keys", "[key issuer]\nuse=token\nprivate=token.pem\n"
              f"[key confirm]\nuse=receipt\ntype=aes\nsecret={key(20).hex()}\n")
    bench.put("vendor.keys", "[key vendor]\nuse=dap\nprivate=dap.pem\n")
    bench.put("public.keys", "[key tokens]\nuse=token\npublic=token.pub\nkvn=70\nkid=1\n"
              "[key vendor]\nuse=dap\npublic=dap.pub\nkvn=73\nkid=1\n")
    public = f"--keys=file:{bench.path('public.keys')}"
    owner.step("the issuer's public key for tokens", "isd", "key", "put", "tokens", public)
    # GPCS table 11-92: a secret key as data groupings; AES, 16 bytes, key 01 of version 71
    dgi = bench.put("receipt.dgi", "00B9 0E B90C 800188 810110 820101 830171 # receipts\n"
                    f"8113 10 {key(20).hex()}\n")
    owner.step("its secret key for receipts, as data groupings", "isd", "store-data", dgi,
               "--format=dgi", "--encrypted")


def domains(owner):
    bench, reader = owner.bench, owner.reader
    owner.step("a security domain with delegated management and DAP verification", "isd",
               "sd", "create", SSD, "--accept-extradition=all",
               "--privileges=SecurityDomain,DelegatedManagement,DAPVerification",
               changes={SSD: ("SELECTABLE", ISD, DELEGATED)})
    owner.step("another domain", "isd", "sd", "create", SSD2, "--accept-extradition=all",
               changes={SSD2: ("SELECTABLE", ISD, DOMAIN)})
    for sd, name in ((SSD, "ssd"), (SSD2, "ssd2")):
        owner.step(f"{name} gets keys of its own and is personalised", "isd", "sd", "keys",
                   sd, name, changes={sd: ("PERSONALIZED", *owner.expect[sd][1:])})
        opens = reader.opens(sd, SETS[name]), reader.opens(sd, SETS["isd"])
        owner.check(opens == (True, False), f"they open {name}, the issuer's do not any more",
                    opens)
    if not owner.semd:
        owner.step("the vendor's public key goes into the domain", "ssd", "key", "put",
                   "vendor", f"--sd={SSD}", f"--keys=file:{bench.path('public.keys')}")
        return
    with open(bench.path("dap.pub"), encoding="ascii") as f:
        der = "".join(line for line in f.read().splitlines() if "-----" not in line)
    plan = {"version": 1, "name": "vendor's key", "sessions": [{"sd": SSD, "keys": "ssd"}],
            "operations": [{"op": "put-key", "publicKey": der, "kvn": 0x73, "kid": 1}]}
    owner.step("the vendor's public key goes into the domain, by a plan", None, "plan", "run",
               bench.put("vendor.json", json.dumps(plan)))


def delegated(owner):
    """The provider of SSD loads and installs by itself, with the issuer's tokens."""
    bench = owner.bench
    capfile_ = bench.put("app.cap", capfile.Cap(bytes.fromhex(PACKAGE), [bytes.fromhex(MODULE)],
                                                code=900).zip())
    vendor = f"--keys=file:{bench.path('vendor.keys')}"
    dap, wrong = bench.path("app.dap"), bench.path("wrong.dap")
    rc, said = owner.offline("dap", "sign", capfile_, f"--sd={SSD}", vendor, f"--output={dap}")
    if rc == OK:
        rc, said = owner.offline("dap", "verify", capfile_, dap, vendor)
    owner.check(rc == OK, "a DAP block, signed and verified offline", said)
    with open(dap, "rb") as f:
        block = f.read()
    bench.put("wrong.dap", block[:-1] + bytes([block[-1] ^ 1]))
    load = ("package", "load", capfile_, f"--sd={SSD}", f"--to-sd={SSD}", "--hash=sha256")
    token, command = owner.token("load", "ssd", *load)
    owner.step("without a token the card refuses to load", "ssd", *load, f"--dap={dap}",
               status=CARD)
    if not owner.semd:
        owner.step("without a DAP block as well", "ssd", *load, f"--load-token={token}",
                   status=CARD)
        owner.step("and with one of somebody else", "ssd", *load, f"--load-token={token}",
                   f"--dap={wrong}", status=CARD)
    said = owner.step("loaded with DAP block and token", "ssd", *load, f"--dap={dap}",
                      f"--load-token={token}", changes={PACKAGE: ("LOADED", SSD, "")})
    owner.receipt("loading", said, command)
    for aid in (APP,) if owner.semd else (APP, APP2):
        install = ("app", "install", PACKAGE, f"--module={MODULE}", f"--instance={aid}",
                   f"--sd={SSD}")
        token, command = owner.token("install", "ssd", *install)
        said = owner.step(f"{aid} installed with a token", "ssd", *install, f"--token={token}",
                          changes={aid: ("SELECTABLE", SSD, NONE)})
        owner.receipt("installing", said, command)
    if owner.semd:
        return
    remove = ("app", "delete", APP2, f"--sd={SSD}")
    token, command = owner.token("delete", "ssd", *remove)
    said = owner.step("the second instance deleted with a token", "ssd", *remove,
                      f"--token={token}", changes={APP2: None})
    owner.receipt("deletion", said, command)


def application(owner):
    """Personalised, extradited, locked, unlocked."""
    bench, reader = owner.bench, owner.reader
    dgi = bench.put("perso.dgi", "# counter 7 of the test applet\n0007 03 102030\n")
    owner.step("personalised through its domain", "ssd", "store-data", dgi, "--format=dgi",
               f"--aid={APP}", f"--sd={SSD}")
    got = reader.ask(APP, "8020000700")
    owner.check(got == ("9000", "031020319000"), "the application counts from there on", got)
    extradite = ("sd", "extradite", APP, SSD2, f"--sd={SSD}")
    token, command = owner.token("extradite", "ssd", *extradite)
    said = owner.step("extradited to the other domain with a token", "ssd", *extradite,
                      f"--token={token}", changes={APP: ("SELECTABLE", SSD2, NONE)})
    owner.receipt("extradition", said, command)
    owner.step("locked by the issuer", "isd", "app", "lock", APP,
               changes={APP: ("LOCKED", SSD2, NONE)})
    rc, said = Owner(bench, reader).card(None, "app", "select", APP)
    owner.check(rc == CARD and said.get("sw") == "6A82", "it cannot be selected: 6A82", said)
    owner.step("unlocked", "isd", "app", "unlock", APP,
               changes={APP: ("SELECTABLE", SSD2, NONE)})
    rc, said = Owner(bench, reader).card(None, "app", "select", APP)
    got = reader.ask(APP, "8020000700")
    owner.check(rc == OK and got == ("9000", "031020329000"),
                "selected, and has kept what it was given", f"{said}, {got}")


def deleted(owner, free):
    owner.step("the package deleted with what was made of it", "isd", "package", "delete",
               PACKAGE, "--related", changes={PACKAGE: None, APP: None})
    owner.step("the domains deleted", "isd", "app", "delete", SSD2, changes={SSD2: None})
    owner.step("both of them", "isd", "app", "delete", SSD, changes={SSD: None})
    now = owner.reader.free()
    owner.check(now == free, "the card has all its memory back", f"FF21 {now}, before {free}")


def rotated(owner):
    """New keys for the issuer's domain; of the old ones not even an attempt is made."""
    bench, reader = owner.bench, owner.reader
    for old, new, code, status in (("isd", "isd2", "other-keys", REFUSED),
                                   ("isd2", "isd3", "no-such-key", NOT_FOUND)):
        reader.keys = SETS[new]
        owner.step(f"the issuer's keys rotated, version {SETS[new].kvn:02X} for 30", old,
                   "key", "put", new, "--replace=30")
        check(not reader.opens(ISD, SETS[old]), "the card does not know the old ones", old)
        before, ledger = bench.attempts(), bench.ledger()
        rc, said = owner.card(old, "app", "list")
        now, after = bench.attempts(), bench.ledger()
        check(rc == status and said.get("code") == code and
              (code != "other-keys" or f'"{new}"' in said["message"]),
              f"sectl with the old ones is refused: {code}", f"status {rc}, {said}")
        check(now == before and ledger and after == ledger,
              "no EXTERNAL AUTHENTICATE was sent, the ledger is untouched",
              f"{before} attempts, then {now}; {ledger}, then {after}")
        rc, said = owner.card(new, "app", "list")
        check(rc == OK and bench.attempts() == now + 1, "the new ones open it", said)


def typed(owner, line, *args):
    """(exit status, what was shown) of a verb that asks on its terminal."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(f"{OUT}/sectl", ["sectl", *args, *owner.options("isd3")])
    shown, end, answered = b"", time.monotonic() + 30, False
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                shown += os.read(fd, 4096)
            except OSError:  # its end is closed
                break
        if not answered and b"to go on: " in shown:
            os.write(fd, line.encode() + b"\n")
            answered = True
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return status, shown.decode(errors="replace")


def confirmed(owner, what, state):
    """A dangerous verb: refused without the words, with wrong ones; then done."""
    owner.step(f"{what} without confirmation is refused", "isd3", "card", what, status=REFUSED)
    owner.step(f"{what}: --yes is none", "isd3", "card", what, "--yes", status=REFUSED)
    rc, shown = typed(owner, "yes", "card", what)
    differs = owner.difference()
    check(rc == REFUSED and not differs, f"{what}: another word typed is none",
          f"status {rc}, {differs}: {shown!r}")
    rc, shown = typed(owner, CIN[-8:], "card", what)
    if state:
        owner.expect[ISD] = (state, "", None)
        differs = owner.difference()
    check(rc == OK and not differs, f"{what}: the end of the card's number typed",
          f"status {rc}, {differs}: {shown!r}")


def end_of_card(owner):
    confirmed(owner, "lock", "CARD_LOCKED")
    rc, said = owner.card("isd3", "card", "status")
    check(rc == OK and said.get("lifeCycle") == "CARD_LOCKED", "card status says so", said)
    shown = subprocess.run([f"{OUT}/sectl", "card", "status", *owner.options(None)],
                           capture_output=True, timeout=60, text=True, check=False).stdout
    check(f"  CIN              {CIN}" in shown and "  chip serial      01020304" in shown,
          "and without keys its numbers", shown)
    owner.step("the card unlocked", "isd3", "card", "unlock",
               changes={ISD: ("SECURED", "", None)})
    confirmed(owner, "terminate", None)
    with owner.reader as card:
        answer = card.send(gp.select(gp.ISD)).hex().upper()
        status = card.send(gp.get_status(gp.OF_ISD)).hex().upper()
    check(answer[-4:] != "9000" and status[-4:] != "9000", "nobody is there any more",
          f"{answer}, {status}")
    rc, said = owner.card("isd3", "app", "list")
    check(rc == NOT_FOUND, "sectl says so", f"status {rc}, {said}")


def flow(bench):
    reader = bench.start_card()
    owner = Owner(bench, reader)
    owner.step("the card initialised", "isd", "card", "initialize", "--yes",
               changes={ISD: ("INITIALIZED", "", None)})
    owner.step("the card secured", "isd", "card", "secure", "--yes",
               changes={ISD: ("SECURED", "", None)})
    sign_keys(owner)
    free = reader.free()
    bench.start_semd()
    remote = Owner(bench, reader, through_semd=True)
    remote.expect = owner.expect
    for o in (owner, remote):
        domains(o)
        delegated(o)
        application(o)
        deleted(o, free)
    _, said = Owner.offline("jobs", "list", f"--socket={bench.socket}")
    jobs = said.get("jobs", [])
    rc, _ = remote.card("isd2", "app", "list")
    _, said = Owner.offline("jobs", "list", f"--socket={bench.socket}")
    check(rc == REFUSED and jobs and said.get("jobs") == jobs and
          all(j["resumable"] for j in jobs),
          "semd: its journal keeps what began to change the card, and nothing else", said)
    rotated(owner)
    end_of_card(owner)


def main():
    with tempfile.TemporaryDirectory(prefix="card-flow-") as folder:
        bench = Bench(folder, "--vm" in sys.argv)
        try:
            flow(bench)
        except (AssertionError, Scp03Error, OSError, KeyError) as e:
            tap(False, "the flow goes to its end", f"{type(e).__name__}: {e}")
        finally:
            statuses = bench.stop()
        leaks = bench.leaks()
        check(not leaks, "no key in what sectl and semd have written", leaks)
        check(statuses == [0] * len(statuses), "semd and softse end with status 0", statuses)
        if tap.failed:
            for name in ("semd.log", "softse.log"):
                if os.path.exists(bench.path(name)):
                    with open(bench.path(name), encoding="utf-8", errors="replace") as f:
                        print("".join(f"# {name}: {line}" for line in f.readlines()[-20:]))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
