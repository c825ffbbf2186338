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


def pkcs15(kind, *pin):
    """pkcs15-tool on the PKCS #15 applet, selected after a reset as a SIM's files are."""
    with tempfile.NamedTemporaryFile("w", suffix=".profile") as f, \
            tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
        f.write(f"applet = {kind} default\n")
        f.flush()
        # the card is none that OpenSC knows by its ATR: ISO/IEC 7816-15 must do
        conf.write("app default { enable_default_driver = true; card_drivers = default; }\n")
        conf.flush()
        with Softse(f"--profile={f.name}") as softse:
            softse.wait_for("connected")
            scan(ATR)
            tool = ["env", f"OPENSC_CONF={conf.name}", "pkcs15-tool"]
            out, status = run(*tool, "--dump")
            tap(status == 0 and all(x in out for x in (
                "PKCS#15 Card [softse]", "Private EC Key [device key]",
                "X.509 Certificate [device certificate]", "Data object 'LwM2M Bootstrap'",
                "2.23.43.9.1")) and ("PIN [PIN]" in out) == bool(pin),
                f"pkcs15-tool lists what is in {kind}", "" if status == 0 else out)
            out, _ = run(*tool, "-C")
            tap(out.count("Data object '") == 1 and ("Data (72 bytes)" in out) == (not pin),
                "and its data objects")
            out, status = run(*tool, "--read-data-object", "2.23.43.9.1", *pin)
            tap(status == 0 and "< 00 01 00 42 00 00 00 00 3D 08 00 3A C8 00 16 63 6F" in out,
                "reads EF LwM2M_Bootstrap by its OID", "" if status == 0 else out)
            if pin:
                out, _ = run(*tool, "--read-data-object", "2.23.43.9.1", "--pin", "4321")
                tap("PIN code or key incorrect" in out or "incorrect" in out,
                    "but not with a wrong PIN", out if "incorrect" not in out else "")
            out, status = run(*tool, "--read-certificate", "01")
            text, _ = run("openssl", "x509", "-noout", "-subject", text=out)
            tap(status == 0 and "softse" in text, "and OpenSSL reads its certificate",
                "" if "softse" in text else out + text)
    gone(ATR)


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
    absent = missing("pcsc_scan", "opensc-tool", "pkcs15-tool", "scriptor", "vicc")
    if absent:
        tap.skip("softse and PC/SC programs", f"without {' and '.join(absent)}")
        return tap.done()
    own_network()
    with Pcscd():
        programs()
        pkcs15("pkcs15")
        pkcs15("pkcs15-pin", "--pin", "1234")
        foreign_card()
    another_atr_without_reader()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
