#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of semd at random points of a plan: resumed, the card is as it should be.

    plan-kill.py [--kernel] [N [SEED]]

N times: a plan (security domain, keys of its own, package, instance, lock) is given to
semd, semd is killed at a random moment, started again, and the job resumed until it is
done. The software SE's own APDU log is the witness: each instance was made once, and
EXTERNAL AUTHENTICATE was never refused. Then the job is rolled back, and the registry is
what it was. TAP on stdout. With --kernel (as root, in the virtual machine) semd works
on /dev/se0, with its policy as a filter in the driver.
"""

import argparse
import base64
import importlib.util
import os
import random
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("job_kill", os.path.join(HERE, "job-kill.py"))
kill = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kill)

SSD, PKG = "F0534553414D4553%02X", "F00000000101%02X"
KEYS = """[keyset isd]
type=aes
kvn=30
enc=404142434445464748494A4B4C4D4E4F
mac=404142434445464748494A4B4C4D4E4F
dek=404142434445464748494A4B4C4D4E4F
[keyset new]
type=aes
kvn=31
enc=909192939495969798999A9B9C9D9E9F
mac=A0A1A2A3A4A5A6A7A8A9AAABACADAEAF
dek=B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF
"""


class Plans:
    """On top of a rig for scripts: key sets, and a policy, which narrows the job's file."""

    def __init__(self, folder):
        super().__init__(folder)
        path = os.path.join(folder, "keys")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(KEYS)
        with open(os.path.join(folder, "semd.conf"), "a", encoding="ascii") as f:
            for name in ("isd", "new"):
                f.write(f"[keyset {name}]\nkeys=file:{path}\n")
            f.write("[policy local]\norigin=control:*\nkeysets=isd new\n"
                    "aids=default A000000151* F0*\ninstructions=..CA\n")

    def made(self, since):
        """Instances that the card made after byte since of its log."""
        return sum(r.header[1] == 0xE6 and not r.header[2] & 2 and r.sw == "9000"
                   for r in self.ran(since))

    def refusals(self, since):
        """EXTERNAL AUTHENTICATE that the card counted against us."""
        return sum(r.header[1] == 0x82 and r.sw != "9000" for r in self.ran(since))


class Rig(Plans, kill.Rig):
    """semd on the socket of the software SE."""


class KernelRig(Plans, kill.KernelRig):
    """semd on /dev/se0: the policy is a filter in the driver."""


def plan(n):
    """Two instances, in places of this round's own."""
    ssd, pkg = SSD % n, PKG % n
    code = bytes([0xC4, 0x81, 200]) + bytes(range(200))
    return {"version": 1, "name": f"round {n}",
            "sessions": [{"keys": "isd"}, {"sd": ssd, "keys": "isd"}],
            "operations": [
                {"op": "sd-create", "aid": ssd},
                {"op": "put-key", "session": 1, "keys": "new"},
                {"op": "load", "aid": pkg, "block": 32, "code": base64.b64encode(code).decode()},
                {"op": "install", "elf": pkg, "module": pkg + "01", "aid": pkg + "02",
                 "selectable": True},
                {"op": "lock", "aid": pkg + "02"}]}


def registry(vl):
    """What the card lists, but for what changes by itself."""
    r = vl.call("ListApplications", se="se0", keySet="isd")["result"]
    return r["steps"][0]["data"]


def resumed(vl, job, got):
    """Resume until it is done: (its account, how often)."""
    for times in range(4):
        if got["job"]["state"] == "done":
            return got, times
        # an attempt whose end nobody saw holds the next one back until it is told
        retry = any(a["state"] != "success" for a in vl.call("ListAttempts")["attempts"])
        vl.call("ResumeJob", id=job, retryAuthentication=retry)
        got = kill.finished(vl, job)
    return got, times


def one(rig, vl, n, seconds):
    """A plan, a kill so many seconds later: (complaint, state, the next semd)."""
    before = registry(vl)
    since = rig.mark()
    job = vl.call("RunPlan", se="se0", plan=plan(n))["id"]
    time.sleep(seconds)
    rig.kill()
    complaint = rig.bereaved()
    vl = rig.start()
    got = kill.finished(vl, job)
    state = got["job"]["state"]
    if complaint:
        return complaint, state, vl
    if state != "done" and got["result"]["state"] not in ("interrupted", "unknown", "failed"):
        return f"result {got['result']}", state, vl
    got, _ = resumed(vl, job, got)
    if got["job"]["state"] != "done":
        return f"{got['job']['code']}: {got['job']['detail']}", state, vl
    if rig.made(since) != 2:
        return f"{rig.made(since)} instances made instead of 2", state, vl
    if rig.refusals(since):
        return f"{rig.refusals(since)} authentications refused", state, vl
    here = str(registry(vl))
    if any(aid not in here for aid in (SSD % n, PKG % n + "02")):
        return f"not in the registry: {here}", state, vl
    vl.call("RollbackJob", id=job)
    got = kill.finished(vl, job)
    if got["job"]["state"] != "done":
        return f"rollback: {got['job']['code']}: {got['job']['detail']}", state, vl
    vl.call("AckJob", id=job)
    after = registry(vl)
    return None if after == before else f"{after} instead of {before}", state, vl


def main():
    p = argparse.ArgumentParser(description="kill -9 of semd at random points of a plan")
    p.add_argument("--kernel", action="store_true", help="through /dev/se0 (in the machine)")
    p.add_argument("n", nargs="?", type=int, default=20, metavar="N", help="kills (20)")
    p.add_argument("seed", nargs="?", type=int, default=random.randrange(1 << 30),
                   metavar="SEED", help="repeat a run")
    opt = p.parse_args()
    rng = random.Random(opt.seed)
    tap = kill.Tap(opt.n + 1)
    print(f"# seed {opt.seed}")
    with tempfile.TemporaryDirectory(prefix="plan-kill-") as folder:
        rig = (KernelRig if opt.kernel else Rig)(folder)
        try:
            vl = rig.start()
            for n in (254, 255):    # the second is warm: its time is what counts
                start = time.monotonic()
                job = vl.call("RunPlan", se="se0", plan=plan(n))["id"]
                got = kill.finished(vl, job)
                span = time.monotonic() - start
            tap.line("nobody killed, done", None if got["job"]["state"] == "done"
                     else f"{got['job']['code']}: {got['job']['detail']}")
            print(f"# {got['job']['executed']} APDUs, {span * 1000:.0f} ms", flush=True)
            for n in range(1, opt.n + 1):
                complaint, state, vl = one(rig, vl, n % 254, rng.random() * span * 1.1)
                tap.line(f"killed, {state}, resumed, rolled back", complaint)
        except Exception:   # as in job-kill.py
            tap.gave_up(rig)
        finally:
            rig.stop()
            if tap.bad:
                with open(os.path.join(folder, "semd.log"), encoding="utf-8") as f:
                    print("# " + "# ".join(f.readlines()[-20:]))
    return 1 if tap.bad else 0


sys.exit(main())
