#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""softse's fault scripts against the driver, one name after the other, in each
dialect that the virtual SPI bus can carry. Runs in the virtual machine. For every
fault the driver's answers are right or errors, softse's log shows that no APDU ran
twice, none ran that was not sent, and the SE is usable when the fault is over."""

import collections
import errno
import glob
import os
import shutil
import subprocess
import sys
import time

from pcscd import SOFTSE, Softse
from tap import tap

MODULES = "build/kmod/driver"
IMAGE = "/run/fault.image"
SELECT = bytes.fromhex("00A4040C08F0534553414D450102")
ROUNDS = 12
# the fault, and whether every APDU has to come through in spite of it
FAULTS = (
    ("deaf:every=11", True), ("garble:every=7", True), ("r-error:every=7", True),
    ("r-error:every=8,error=other", True), ("drop:every=11", True), ("corrupt:every=7", True),
    ("corrupt:ppm=50000,seed=3", True), ("duplicate:every=7,on=i", False),
    ("truncate:every=11", True), ("wrong-ns:every=11", True), ("wrong-nad:every=6", False),
    ("wrong-pcb:every=11", True), ("wrong-len:every=11", True), ("wtx:every=2,times=3", True),
    ("ifs:n=2,size=40", True), ("late:n=9,ms=30", True), ("noise:every=6,size=3", False),
    ("stale:every=9", False), ("abort:n=2", False), ("reset:n=3", False),
    ("mute:n=12,ms=700", False), ("irq-late:ppm=200000,ms=5", True),
    ("irq-lost:ppm=100000", True), ("irq-spurious:ppm=100000", True), ("irq-dead:n=20", True),
)


def node(seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = glob.glob("/dev/se[0-9]*")
        if found:
            return found[0]
        time.sleep(0.05)
    return None


def no_node(seconds=10):
    end = time.monotonic() + seconds
    while glob.glob("/dev/se[0-9]*") and time.monotonic() < end:
        time.sleep(0.05)


class Driver:
    def __init__(self, path):
        self.path = path
        self.fd = None
        self.said = []

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
        self.fd = None

    def __call__(self, apdu):
        """The response; None after an error, and the session begins anew."""
        try:
            if self.fd is None:
                self.fd = os.open(self.path, os.O_RDWR)
                os.write(self.fd, SELECT)
                if os.read(self.fd, 512) != b"\x90\x00":
                    self.close()
                    return None
            os.write(self.fd, apdu)
            return os.read(self.fd, 65538)
        except OSError as error:
            self.said.append(errno.errorcode[error.errno])
            self.close()
            return None


def exchange(se, count):
    """Counters of the test applet, each used once, and chains both ways. Gives wrong
    answers, errors, and the counters that were asked for."""
    wrong, errors, asked = [], 0, []
    for i in range(count):
        out = se(b"\x80\x20" + i.to_bytes(2, "big") + b"\x04")
        asked.append(i)
        errors += out is None
        if out is not None and out != bytes.fromhex("000000019000"):
            wrong.append(f"counter {i}: {out.hex()}")
        n = 4300 + 7 * i
        out = se(b"\x80\x40" + n.to_bytes(2, "big") + b"\0\0\0")
        errors += out is None
        if out is not None and out != bytes(k & 0xff for k in range(n)) + b"\x90\x00":
            wrong.append(f"{n} bytes from it: {out[:8].hex()}, {len(out)}")
        n -= 4000
        data = bytes(n)
        out = se(b"\x80\x10\0\0\0" + n.to_bytes(2, "big") + data + b"\0\0")
        errors += out is None
        if out is not None and out != data + b"\x90\x00":
            wrong.append(f"{n} bytes to it: {out[:8].hex()}, {len(out)}")
    return wrong, errors, asked


def ran(log):
    """The counters that were really counted, in order."""
    with open(log, encoding="ascii") as f:
        fields = [line.split() for line in f]
    return [int(f[3][4:], 16) for f in fields if f[3].startswith("8020")]


def one(dialect, fault, must):
    name = f"{dialect} {fault}"
    for f in ("/run/fault.state", "/run/fault.log"):
        if os.path.exists(f):
            os.unlink(f)
    shutil.copy(IMAGE, "/run/fault.state")
    profile = "/run/fault.profile"
    with open(profile, "w", encoding="ascii") as f:
        # T=1' tells its IFSC; of the other families the host has to know it
        f.write(f"dialect = {dialect}\nbwt_ms = 400\n" + "ifsc = 100\n" * (dialect == "gp"))
    options = ["--sim", "--no-fsync", "--state=/run/fault.state", "--log=/run/fault.log",
               f"--profile={profile}", f"--fault={fault}"]
    with Softse(*options, vpcd=False) as softse:
        path = node()
        if not path:
            tap(False, f"{name}: the driver finds it", softse.errors())
            return
        se = Driver(path)
        wrong, errors, asked = exchange(se, ROUNDS)
        se.close()
    counted = ran("/run/fault.log")
    no_node()
    bad = list(wrong)
    if len(set(counted)) != len(counted):
        bad.append(f"ran twice: {sorted({c for c in counted if counted.count(c) > 1})}")
    if set(counted) - set(asked):
        bad.append("ran what was not sent")
    if must and errors:
        bad.append(f"failed with {dict(collections.Counter(se.said))}")
    if errors > 2 * ROUNDS:
        bad.append(f"hardly anything works: {errors} of {3 * ROUNDS} failed")
    if not fault.startswith("irq") and "struck 0 times" in softse.errors():
        bad.append("the fault never struck")
    tap(not bad, f"{name}: {errors} of {3 * ROUNDS} with an error, none twice", "; ".join(bad))


def main():
    for m in ("se", "se-spi", "se-sim"):
        subprocess.run(["insmod", f"{MODULES}/{m}.ko"], check=True)
    subprocess.run([sys.executable, "selftests/kselftest/make-card", SOFTSE, IMAGE], check=True)
    only = sys.argv[1:]
    for dialect in ("gp", "nxp"):
        for fault, must in FAULTS:
            if not only or f"{dialect}:{fault.split(':')[0]}" in only or \
                    fault.split(":")[0] in only or dialect in only:
                one(dialect, fault, must)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
