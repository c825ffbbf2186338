#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""softse as a card for PC/SC programs, through pcscd and its vpcd reader; and a card
that we did not write (vicc, ISO/IEC 7816) behind softse, for the same programs. Runs
in the root, in a network of its own."""

import subprocess
import sys
import tempfile
import time

from pcscd import VPCD, Pcscd, Softse, missing, own_network, run, run_until
from tap import tap

ATR = "3B 86 81 71 FE 25 01 53 45 53 41 4D 45 A0"
TEST_MODULE = "F0534553414D450101"
VICC_ATR = "3b:95:13:81:01:80:73:ff:01:00:0b"


def scan(want):
    return run_until(want, "timeout", "2", "pcsc_scan", "-q", "-n", "-c")


def gone(atr):
    """Until no reader has this card."""
    for _ in range(50):
        if atr not in scan("Card removed"):
            return True
        time.sleep(0.1)
    return False


def opensc(*apdus):
    return run("opensc-tool", "--reader", "0", *[x for a in apdus for x in ("--send-apdu", a)])[0]


def programs():
    with Softse() as softse:
        softse.wait_for("connected")
        out = scan(ATR)
        tap("Card inserted" in out and ATR in out, "pcsc_scan sees softse and its ATR",
            "" if ATR in out else out)
        out = opensc("00A4040000", "80CA9F7F00")
        tap(out.count("SW1=0x90, SW2=0x00") == 2 and "9F 7F 2A" in out,
            "opensc-tool selects the card manager and reads its CPLC")
        out = opensc("00A4040008F000000000000000")
        tap("SW1=0x6A, SW2=0x82" in out, "opensc-tool is told that an application is not there")
        out, _ = run("scriptor", text="reset\n00A4040000\n0070000001\n01A4040000\n0070800100\n"
                     "01A4040000\n")
        words = [line for line in out.splitlines() if line.startswith(("<", "0", "6F"))]
        tap(out.count("90 00") == 4 and "68 81" in out,
            "scriptor opens a logical channel, uses it, closes it, finds it closed",
            "" if "68 81" in out else " ".join(words))
        long = "80500000" + "00" + "0100" + "55" * 256 + "0000"
        out, _ = run("scriptor", text=f"00A4040000\n{long}\n")
        tap("67 00" in out, "scriptor sends an extended APDU and gets its status word")
    tap(gone(ATR), "softse gone is a card removed")
    with tempfile.NamedTemporaryFile("w", suffix=".profile") as f:
        f.write("atr = 3B80800101\n")
        f.flush()
        with Softse(f"--profile={f.name}"):
            tap("3B 80 80 01 01" in scan("3B 80 80 01 01"), "the profile's ATR is the card's")


def another_atr_without_reader():
    with Softse() as softse:
        tap(softse.wait_for(f"vpcd {VPCD}: Connection refused; trying again"),
            "without a reader softse says so, once")
        with Pcscd():
            tap(softse.wait_for(f"vpcd {VPCD}: connected"), "and is there when the reader comes")
            scan(ATR)
        tap(softse.wait_for(f"vpcd {VPCD}: hung up; connecting again"),
            "a reader that goes is told as well")
    tap(softse.status == 0 and softse.errors().count("refused") == 1,
        "and softse ends well", softse.errors() if softse.status else "")


def foreign_card():
    with Softse("--bridge=vpcd:40000") as softse:
        tap(gone("ATR"), "a bridge without its card is an empty reader")
        vicc = subprocess.Popen([sys.executable, "selftests/interop/vicc.py", "--type=iso7816",
                                 "--hostname=127.0.0.1", "--port=40000"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            seen = softse.wait_for("a card is there")
            out = run_until(VICC_ATR, "opensc-tool", "--reader", "0", "--atr")
            tap(seen and VICC_ATR in out, "vicc's ATR comes through softse",
                "" if VICC_ATR in out else out)
            out = opensc("00A4000C023F00", "0084000008", "00A4000C02EEEE")
            tap(out.count("SW1=0x90, SW2=0x00") == 2 and "SW1=0x6A, SW2=0x82" in out,
                "vicc selects its master file, gives random bytes, refuses a file",
                "" if "0x6A" in out else out)
        finally:
            vicc.kill()
            vicc.wait()
        tap(softse.wait_for("the card has gone; the SE is mute") and
            gone(VICC_ATR.upper().replace(":", " ")),
            "killing vicc takes the card out")


def main():
    absent = missing("pcsc_scan", "opensc-tool", "scriptor", "vicc")
    if absent:
        tap.skip("softse and PC/SC programs", f"without {' and '.join(absent)}")
        return tap.done()
    own_network()
    with Pcscd():
        programs()
        foreign_card()
    another_atr_without_reader()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
