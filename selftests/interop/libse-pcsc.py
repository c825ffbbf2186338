#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libse's back end "pcsc", and sectl on it: softse as the card in a vpcd reader of pcscd.
Another PC/SC program resets the card between two calls, the card is taken out and put in,
pcscd goes. Runs in the root, in a network of its own."""

import os
import subprocess
import sys
import time

from pcscd import Pcscd, Softse, missing, own_network, run, run_until
from tap import tap

OUT = f"build/out/{os.environ.get('V', 'release')}"
READER = "pcsc:Virtual PCD 00 00"
GET_DATA = "80CA006600"


class Steps:
    """selftests/interop/se-step.c: one line in, one out."""

    def __init__(self):
        self.p = subprocess.Popen([f"{OUT}/interop/se-step"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)

    def __call__(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        result, generation, words = self.p.stdout.readline().rstrip("\n").split(" ", 2)
        return result, int(generation, 16), words

    def end(self):
        self.p.stdin.close()
        self.p.wait()


def sectl(*args):
    r = subprocess.run([f"{OUT}/sectl", *args], capture_output=True, text=True, timeout=30,
                       stdin=subprocess.DEVNULL, check=False)
    return r.returncode, r.stdout + r.stderr


def scan():
    return run("timeout", "2", "pcsc_scan", "-q", "-n", "-c")[0]


def said(ok, what, got):
    tap(ok, what, "" if ok else str(got))


def exchanges():
    step = Steps()
    r, gen, _ = step(f"open {READER}")
    said(r == "0" and gen, "a reader opens by its name", (r, gen))
    r, gen2, words = step("channel")
    said(r == "0" and words.startswith("channel 1 9000 executed") and gen2 == gen,
         "a logical channel opens; the generation is as it was", (r, gen, gen2, words))
    r, _, words = step(f"apdu {GET_DATA}")
    said(r == "0" and words.startswith("executed 9000"), "an APDU on it is executed", words)
    r, _, words = step("apdu 0070000001")
    said(r == "EACCES" and words.startswith("not-sent"), "MANAGE CHANNEL is refused", (r, words))
    other = Steps()
    other(f"open {READER}")
    _, _, words = other("channel")
    said(words.startswith("channel 2 9000"), "a second session has a channel of its own", words)
    other.end()
    other = Steps()
    other(f"open {READER}")
    _, _, words = other("channel")
    said(words.startswith("channel 2 9000"), "closing a session closes its channel", words)
    other.end()
    return step, gen


def reset_by_another(step, gen):
    run("opensc-tool", "--reader", "0", "--reset=cold")
    r, _, words = step(f"apdu {GET_DATA}")
    said(r == "ECONNRESET" and words == "not-sent 0000 0 generation",
         "after a reset by another program an APDU is not sent", (r, words))
    r, _, words = step(f"apdu {GET_DATA}")
    said(r == "ECONNRESET" and words.startswith("not-sent"), "nor the next one", (r, words))
    r, gen2, words = step("channel")
    said(r == "0" and gen2 != gen, "a new channel is on another generation",
         (r, gen, gen2, words))
    r, _, words = step(f"apdu {GET_DATA}")
    said(words.startswith("executed 9000"), "where APDUs run again", words)
    r, gen3, words = step("reset 2")
    said(r == "0" and words == "idle" and gen3 not in (gen, gen2), "a reset of our own moves it",
         (r, gen3, words))
    r, gen4, words = step("reset 3")
    said(r == "0" and gen4 not in (gen, gen2, gen3), "so does taking the power away", (r, gen4))
    r, _, _ = step("reset 0")
    said(r == "EOPNOTSUPP", "a resynch is the reader's business", r)
    return gen4


def tool():
    status, out = sectl("info", "--se=pcsc:0")
    said(status == 0 and "3B868171FE2501534553414D45A0" in out,
         "sectl info shows the ATR; a reader has a number", out)
    status, out = sectl("apdu", f"--se={READER}", GET_DATA, "80CA004200")
    said(status == 0 and out.count(" 9000") == 2, "sectl apdu", out)
    status, out = sectl("info", "--se=pcsc:Virtual PCD")
    said(status == 2 and "several" in out, "a name that two readers begin with is refused", out)
    status, out = sectl("info", "--se=pcsc:Nobody's")
    said(status == 3, "a reader that is not there is not found", out)
    status, out = sectl("info", "--se=pcsc:1")
    said(status == 3 and "no card" in out, "an empty reader has no card", out)


def main():
    absent = missing("opensc-tool")
    if absent:
        tap.skip("libse and PC/SC", f"without {' and '.join(absent)}")
        return tap.done()
    own_network()
    status, out = sectl("info", "--se=pcsc:0")
    said(status == 5, "without pcscd there is nobody to ask", out)
    with Pcscd():
        with Softse() as softse:
            softse.wait_for("connected")
            run_until("3B 86", "timeout", "2", "pcsc_scan", "-q", "-n", "-c")
            step, gen = exchanges()
            gen = reset_by_another(step, gen)
            step("channel")
            tool()
        while "3B 86" in scan():
            time.sleep(0.1)
        r, _, words = step(f"apdu {GET_DATA}")
        said(r == "ECONNRESET" and words.startswith("not-sent"),
             "a card that was taken out gets nothing", (r, words))
        with Softse() as softse:
            softse.wait_for("connected")
            run_until("3B 86", "timeout", "2", "pcsc_scan", "-q", "-n", "-c")
            r, gen2, words = step("channel")
            said(r == "0" and gen2 != gen, "put in again it is another generation",
                 (r, gen2, words))
    r, _, words = step(f"apdu {GET_DATA}")
    said(r == "ENODEV" and not words.startswith("executed"), "pcscd gone is the SE gone",
         (r, words))
    step.end()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
