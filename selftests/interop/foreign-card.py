#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cards that we did not write, behind softse's wire, reached by the driver. Runs in
the virtual machine (selftests/rig/vm -- python3 selftests/interop/foreign-card.py):
/dev/seN, T=1' on the virtual bus, softse's bridge, and then Debian's vicc, a card
that speaks T=1 by itself, or a recording."""

import glob
import os
import subprocess
import sys
import tempfile
import time

from pcscd import Softse
from tap import tap

MODULES = "build/kmod/driver"
PORT = 40000


def node(seconds=120):
    """Of the SE on the bus, when the driver has it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = glob.glob("/dev/se[0-9]*")
        if found:
            return found[0]
        time.sleep(0.05)
    return None


class Card:
    """One C-APDU after the other through the driver."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR)

    def __call__(self, apdu):
        os.write(self.fd, bytes.fromhex(apdu))
        return os.read(self.fd, 65538).hex().upper()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)


def no_node(seconds=120):
    end = time.monotonic() + seconds
    while glob.glob("/dev/se[0-9]*") and time.monotonic() < end:
        time.sleep(0.05)


def vicc_start():
    return subprocess.Popen([sys.executable, "selftests/interop/vicc.py", "--type=iso7816",
                             "--hostname=127.0.0.1", f"--port={PORT}"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def vicc():
    with Softse("--sim", f"--bridge=vpcd:{PORT}", vpcd=False) as softse:
        card = vicc_start()
        try:
            tap(softse.wait_for("a card is there", 120), "vicc is behind the bridge")
            path = node()
            if not tap(path, "the driver finds an SE", "" if path else softse.errors()):
                return
            with Card(path) as se:
                tap(se("00A4000C023F00") == "9000", "vicc's master file, through the driver")
                random = se("0084000008")
                tap(len(random) == 20 and random.endswith("9000"), "eight random bytes of vicc")
                tap(se("00A4000C02EEEE") == "6A82", "vicc's status word for a file that is not there")
                long = se("00A4000C" + "00" + "0400" + "3F" * 1024)
                tap(long.startswith("6") and len(long) == 4,
                    "a kilobyte to vicc, in a chain on our side of the bridge", long)
            card.kill()
            tap(softse.wait_for("the SE is mute"), "killing vicc makes the SE mute")
            try:
                with Card(path) as se:
                    se("0084000008")
                tap(False, "a mute SE is an error to the caller")
            except OSError as error:
                tap(True, "a mute SE is an error to the caller", os.strerror(error.errno))
        finally:
            card.kill()
            card.wait()
    no_node()


def classic_t1():
    """softse with another dialect stands in for a card on T=1: LRC, one byte of LEN,
    32 bytes of IFSC, 32 of IFSD; its rules are at work, not those of the SE in front."""
    for dialect in ("iso-lrc", "iso-crc"):
        sock = f"/run/{dialect}"
        with Softse(f"--block-socket={sock}", f"--dialect={dialect}", vpcd=False), \
                Softse("--sim", f"--bridge=t1:{sock}", vpcd=False) as front:
            path = node()
            if not tap(path, f"{dialect}: the driver finds an SE", "" if path else front.errors()):
                continue
            with Card(path) as se:
                fci = se("00A4040000")
                tap(fci.startswith("6F") and fci.endswith("9000"), f"{dialect}: the card manager")
                tap(se("80CA9F7F00").startswith("9F7F2A"), f"{dialect}: its CPLC, in a chain")
                long = "80E60200" + "00" + "0200" + "00" * 512
                tap(se(long).startswith("6"), f"{dialect}: half a kilobyte to it, in a chain")
        no_node()


def replay():
    with tempfile.NamedTemporaryFile("w") as f:
        f.write("# what a card said once\n> 00A40400\n< 6F00 9000\n> 80CA9F7F00\n< 9F7F00 9000\n")
        f.flush()
        with Softse("--sim", f"--bridge=replay:{f.name}", vpcd=False) as softse:
            path = node()
            with Card(path) as se:
                tap(se("00A40400") == "6F009000" and se("80CA9F7F00") == "9F7F009000",
                    "a recording is played back")
                tap(se("00B0000000") == "6F00", "another command is none of it")
            tap(softse.wait_for(f"{f.name}:5: a command came"), "and is told with its line")
        tap(softse.status == 1, "and in the exit status")


def main():
    for m in ("se", "se-spi", "se-sim"):
        subprocess.run(["insmod", f"{MODULES}/{m}.ko"], check=True)
    vicc()
    classic_t1()
    replay()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
