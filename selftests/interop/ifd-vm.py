#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PC/SC programs that we did not write on /dev/se0, through pcscd and our handler, while
semd runs a long job on the same SE. Runs in the virtual machine
(selftests/rig/vm -- python3 selftests/interop/ifd-vm.py): driver, virtual bus, softse."""

import fcntl
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time

import ifd
from pcscd import OUT, Pcscd, Softse, missing, run, run_until
from tap import tap

MODULES = "build/kmod/driver"
READER = "Sesame SE 0 00 00"
LOG = "/run/apdu.log"
STEPS = 8000  # what a script may have; it is cancelled when the programs are done

# <linux/se.h>
SE_IOC_LOCK, SE_IOC_UNLOCK, SE_LOCK = 0xC028E706, 0xE707, struct.Struct("=IIQQQiI")
SE_LOCK_NONBLOCK = 1


def node(there, seconds=120):
    end = time.monotonic() + seconds
    while bool(glob.glob("/dev/se0")) != there and time.monotonic() < end:
        time.sleep(0.05)
    return bool(glob.glob("/dev/se0")) == there


class Semd:
    """semd, and one job on it: a counter of the test applet, with work in between."""

    def __init__(self, more="", before=()):
        self.more, self.before = more, before  # of semd.conf; of semd's command line

    def __enter__(self):
        for d in ("/run/sesame", "/var/lib/sesame"):
            os.makedirs(d, mode=0o700, exist_ok=True)
        with open("/run/semd.conf", "w", encoding="ascii") as f:
            f.write("[semd]\nstate_dir=/var/lib/sesame\nruntime_dir=/run/sesame\n"
                    "[se se0]\nopen=ioctl:/dev/se0\n" + self.more)
        # ETSI TS 102 226, 5.2.1: an expanded script
        script = bytes.fromhex("220580200007002204" + "8030000F") * STEPS
        with open("/run/job", "wb") as f:
            f.write(b"\xaa\x83" + len(script).to_bytes(3, "big") + script)
        with open("/run/semd.log", "wb") as log:
            self.semd = subprocess.Popen([*self.before, f"{OUT}/semd",
                                          "--config=/run/semd.conf"], stdout=log, stderr=log)
        end = time.monotonic() + 120
        while not os.path.exists("/run/sesame/io.sesame.Manager"):
            if self.semd.poll() is not None or time.monotonic() > end:
                with open("/run/semd.log", encoding="utf-8", errors="replace") as f:
                    raise RuntimeError(f"semd does not come up: {f.read()[-1000:]}")
            time.sleep(0.05)
        with open("/run/job.out", "wb") as log:
            self.job = subprocess.Popen(
                [f"{OUT}/sectl", "script", "run", "/run/job", "--se=semd:se0", "--json",
                 f"--aid={ifd.APPLET}", "--deadline=3600", "--keep-job"], stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        for p in (self.job, self.semd):
            p.terminate()
            p.wait()

    def steps(self):
        """How far it is, as softse has it."""
        with open(LOG, encoding="ascii") as f:
            return sum(line.split()[3][2:] == "200007" for line in f if len(line.split()) > 3)

    def running(self, seconds=0):
        end = time.monotonic() + seconds
        while not self.steps() and self.job.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        return self.job.poll() is None and 0 < self.steps() < STEPS

    def cancel(self):
        """What semd says of the job in the end."""
        run(f"{OUT}/sectl", "jobs", "cancel", "1")
        self.job.wait(300)
        out, _ = run(f"{OUT}/sectl", "jobs", "show", "1", "--json")
        return json.loads(out)["result"]["job"]

    def executed(self):
        """Its APDUs, as softse has them."""
        with open(LOG, encoding="ascii") as f:
            heads = [line.split()[3][2:] for line in f if len(line.split()) > 3]
        return heads.count("200007") + heads.count("30000F")


def beside(semd):
    """The programs, one after the other; the job is under way before and behind each."""
    with open("/sys/class/se/se0/cip", "rb") as f:
        cip = f.read()
    tap(len(cip) > 20, "the SE has parameters, no ATR of its own", cip.hex())
    good = semd.running(60)
    with open("/run/job.out", encoding="utf-8") as f:
        tap(good, "semd works on its job", "" if good else f.read()[-300:])
    run_until("Card ATR", "timeout", "4", "pcsc_scan", "-q", "-n", "-c")
    out = run("opensc-tool", "--reader", "0", "--atr")[0]
    atr = out.strip().split("\n")[-1].replace(":", " ").upper()
    tap(atr.startswith("3B 86 81 11 FE 53 45 53 41 4D 45") or
        atr.startswith("3B 87 81 11 FE"), "its ATR is built of the historical bytes", atr)
    ifd.programs(atr)
    ifd.features(READER)
    tap(semd.running(), "the job is still under way", f"step {semd.steps()} of {STEPS}")
    ifd.gp((0x01, 0x13))
    tap(semd.running(), "and behind GPShell too", f"step {semd.steps()} of {STEPS}")


def longest():
    data = "C3" * 65535
    with ifd.Card(READER) as card:
        card(ifd.SELECT)
        got = card(f"8010000000FFFF{data}0000")
    tap(got == data + "9000", "65535 bytes there and back",
        "" if got == data + "9000" else str(got)[:80])


def reset_by_another():
    with ifd.Card(READER) as card:
        before = card(ifd.SELECT), card("8050000000")
        out, status = run(f"{OUT}/sectl", "se", "reset", "se0", "--level=software")
        seen = [card("8050000000")]
        while seen[-1] in (0x8010000C, 0x80100009) and len(seen) < 600:
            time.sleep(0.1)
            seen.append(card("8050000000"))
        tap(status == 0 and before[1].endswith("9000") and all(isinstance(x, int) for x in seen),
            "a reset by somebody else is a card taken out: no APDU goes anywhere",
            " ".join(f"{x:08X}" if isinstance(x, int) else x for x in seen) + out * (status != 0))
        again = card.again()
        got = card(ifd.SELECT)
        tap(again == 0 and isinstance(got, str) and got.endswith("9000"),
            "and put in again: connect, select", f"{again:08X}, {got}")


def channels(head):
    """On which channels the SE ran commands of this INS P1 P2."""
    with open(LOG, encoding="ascii") as f:
        return [line.split()[2] for line in f if line.split()[3:][:1] and
                line.split()[3][2:] == head]


def basic():
    """DEVICENAME basic: each APDU on the basic channel, under a lock of its own."""
    other = os.open("/dev/se0", os.O_RDWR)
    with ifd.Card(READER) as card:
        got = card(ifd.SELECT), card("8050000000")
        tap(all(str(x).endswith("9000") for x in got) and set(channels("500000")) == {"0"},
            "basic: a program's APDUs run on the basic channel", f"{got} {channels('500000')}")
        # nobody has the lock between two of them
        fcntl.ioctl(other, SE_IOC_LOCK, SE_LOCK.pack(SE_LOCK_NONBLOCK, 60000, 0, 0, 0, 0, 0))
        late = []
        program = threading.Thread(target=lambda: late.append(card("8050000000")))
        before = len(channels("500000"))
        program.start()
        time.sleep(1)
        waits = not late and len(channels("500000")) == before
        fcntl.ioctl(other, SE_IOC_UNLOCK)
        program.join(120)
        late = late or ["nothing came within 120 s"]
        tap(waits and str(late[0]).endswith("9000") and len(channels("500000")) == before + 1,
            "basic: and wait while somebody else has the lock", f"{waits} {late}")
        # a lock that stayed would be refused here
        fcntl.ioctl(other, SE_IOC_LOCK, SE_LOCK.pack(SE_LOCK_NONBLOCK, 0, 0, 0, 0, 0, 0))
        fcntl.ioctl(other, SE_IOC_UNLOCK)
    os.close(other)


def main():
    absent = missing("pcsc_scan", "opensc-tool", "scriptor", "gpshell")
    if absent:
        tap.skip("PC/SC programs on /dev/se0", f"without {' and '.join(absent)}")
        return tap.done()
    for m in ("se", "se-spi", "se-sim"):
        subprocess.run(["insmod", f"{MODULES}/{m}.ko"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    with tempfile.TemporaryDirectory() as where:
        with open(f"{where}/profile", "w", encoding="ascii") as f:
            f.write("applet = test\n")
        with open(f"{where}/reader.conf", "w", encoding="ascii") as f:
            f.write(ifd.paragraph("Sesame SE 0", "ioctl:/dev/se0"))
        options = ("--sim", f"--profile={where}/profile", "--scp=70", f"--log={LOG}")
        with Pcscd(f"{where}/reader.conf") as pcscd:
            with Softse(*options, vpcd=False):
                if not tap(node(True), "the driver finds an SE, after pcscd has started"):
                    return tap.done()
                with Semd() as semd:
                    beside(semd)
                    job = semd.cancel()
                    n = semd.executed()
                    tap(job.get("state") == "cancelled" and job.get("executed") == n > 100,
                        "cancelled, the job has run what its journal says, once each",
                        f"{n} APDUs; {job.get('state')}, {job.get('executed')}")
                longest()
                reset_by_another()
                ifd.idle(pcscd)
            out = run_until("Card removed", "timeout", "4", "pcsc_scan", "-q", "-n", "-c")
            tap(node(False) and "Card removed" in out, "an SE that is unplugged is a card removed")
            with Softse(*options, vpcd=False):
                node(True)
                out = run_until("Card inserted", "timeout", "4", "pcsc_scan", "-q", "-n", "-c")
                tap("Card inserted" in out, "and inserted when it is there again")
            if tap.failed:
                print("\n".join(f"# {line}" for line in pcscd.said().splitlines()[-30:]))
        with open(f"{where}/reader.conf", "w", encoding="ascii") as f:
            f.write(ifd.paragraph("Sesame SE 0", "basic:ioctl:/dev/se0"))
        node(False)
        os.unlink(LOG)
        with Softse(*options, vpcd=False):
            node(True)
            with Pcscd(f"{where}/reader.conf"):
                run_until("Card inserted", "timeout", "4", "pcsc_scan", "-q", "-n", "-c")
                basic()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
