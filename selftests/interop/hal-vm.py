#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The operations of Android's ISecureElement (daemon/hal/) on /dev/se0, as an Android service
has them: user and group of the node, no capability. hal-step is the service; softse behind
se-sim is the SE, its ARA-M keeps the rules, its log knows what came to it. Runs in the
virtual machine (selftests/rig/vm -- python3 selftests/interop/hal-vm.py)."""

import importlib
import os
import signal
import subprocess
import sys
import time

import ifd
from pcscd import OUT, Softse
from tap import tap

vm = importlib.import_module("ifd-vm")
LOG, USER = vm.LOG, 65533
TEST, ARA, NONE = ifd.APPLET, "A00000015141434C00", "F04E4F4E45"
OK, FAILED, NOT_AVAILABLE, NO_SUCH, UNSUPPORTED, IOERROR, SECURITY = 0, 1, 2, 3, 4, 5, -1
CHANNELS = 19
# "abc" stands for a certificate: its SHA-1 (FIPS 180-4)
ABC = "A9993E364706816ABA3E25717850C26C9CD0D89D"


class Hal:
    """A service: commands of hal-step, each with its status, its words, what was told."""

    def __init__(self, privileged=False):
        who = [] if privileged else ["setpriv", f"--reuid={USER}", f"--regid={USER}",
                                     "--clear-groups"]
        self.process = subprocess.Popen([*who, f"{OUT}/interop/hal-step", "/dev/se0"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def answer(self):
        head, *told = self.process.stdout.readline().rstrip("\n").split(" | ")
        status, _, words = head.partition(" ")
        return int(status), words.strip(), "".join(t[0] for t in told)

    def __call__(self, command):
        self.ask(command)
        return self.answer()

    def open(self, aid=TEST, p2="00", who=""):
        """Status, and the channel or None."""
        status, words, _ = self(f"open {aid} {p2} {who}")
        return status, int(words[:2], 16) if status == OK else None

    def send(self, channel, header="80500000"):
        """A case 2 command of the test applet; CLA has the channel."""
        cla = int(header[:2], 16) & 0xF0 | channel if channel < 4 else \
            int(header[:2], 16) & 0x80 | 0x40 | channel - 4
        return self(f"send {cla:02X}{header[2:]}00")[:2]

    def whose(self, channel):
        """Does the channel answer, and with its own number?"""
        return self.send(channel) == (OK, f"{channel:02X}9000")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self):
        self.process.stdin.close()
        return self.process.wait(120)


def came():
    """INS, P1 and P2 of what came to the SE, in order."""
    with open(LOG, encoding="ascii") as f:
        return [line.split()[3][2:] for line in f if len(line.split()) > 3]


def asked():
    """The same without MANAGE CHANNEL close: the driver closes when it comes to it."""
    return [head for head in came() if not head.startswith("7080")]


def until(test, seconds=120):
    end = time.monotonic() + seconds
    while not (good := test()) and time.monotonic() < end:
        time.sleep(0.05)
    return good


class Card(Softse):
    """softse with the test applet and an ARA-M, and its node as ueventd.rc has it."""

    def __init__(self):
        super().__init__("--sim", "--profile=/run/profile", "--state=/run/state",
                         f"--log={LOG}", vpcd=False)

    def __enter__(self):
        super().__enter__()
        self.there = vm.node(True)
        os.chown("/dev/se0", USER, USER)
        os.chmod("/dev/se0", 0o660)
        return self


def rule(ref, access):
    """One REF-AR-DO is stored in the ARA-M, by its issuer (SEAC 1.1, 4.2)."""
    def tlv(tag, value):
        return f"{tag}{len(value) // 2:02X}{value}"
    with open("/run/rule", "wb") as f:
        f.write(bytes.fromhex(tlv("F0", tlv("E2", tlv("E1", ref) + tlv("E3", access)))))
    subprocess.run([f"{OUT}/sectl", "store-data", "/run/rule", "--format=ber", f"--aid={ARA}",
                    "--keys=default", "--state-dir=/run/ledger", "--se=/dev/se0"], check=True,
                   capture_output=True)


def operations(a):
    said = a("init")
    tap(said[0] == OK and said[2] == "+", "init: connected, and onStateChange is told", said)
    status, atr, _ = a("atr")
    tap(status == OK and atr.startswith("3B868111FE534553414D45"),
        "getAtr: built of the historical bytes in the SE's parameters", atr)
    tap(a("present") == (OK, "yes", ""), "isCardPresent: yes")
    n = len(asked())
    tap(a(f"basic {TEST} 00")[0] == NOT_AVAILABLE and len(asked()) == n,
        "openBasicChannel: the driver keeps channel 0, nothing comes to the SE")
    status, ch = a.open()
    tap(status == OK and 1 <= ch <= CHANNELS, "openLogicalChannel gives a channel", ch)
    tap(a.whose(ch), "transmit: a command runs on that channel")
    got = a.send(ch, "80EE0000")
    tap(got == (OK, "6D00"), "transmit: a status word that is an error is an answer", got)
    got = a.send(ch, "80400100")
    tap(got[0] == OK and len(got[1]) == 2 * 258, "transmit: 256 bytes of data", len(got[1]) // 2)
    got = [a.send(ch % CHANNELS + 1)[0], a.send(0)[0], a("send 0070000001")[0]]
    tap(got == [FAILED] * 3, "transmit: not on channels of others, not MANAGE CHANNEL", got)
    got = [a.open(NONE)[0], a.open(NONE, "04")[0], a.open(TEST, "10")[0], a.open("F0534553")[0]]
    tap(got == [NO_SUCH, NO_SUCH, UNSUPPORTED, NO_SUCH],
        "openLogicalChannel: no such application, P2, AID too short", got)
    status, late = a.open(TEST, "0C")
    tap(status == OK and a.whose(late) and a(f"close {late}")[0] == OK,
        "openLogicalChannel: P2 of SELECT as it is asked for", status)
    status, isd = a.open("-")
    tap(status == OK, "openLogicalChannel: the default application", isd)
    got = [a(f"close {n}")[0] for n in (ch, ch, 0, isd)]
    tap(got == [OK, FAILED, FAILED, OK], "closeChannel: once, and never channel 0", got)
    tap(a.send(ch)[0] == FAILED, "transmit: not on a channel that is closed")
    opened = came().count("700000")
    until(lambda: len(came()) - len(asked()) >= opened)
    closed = len(came()) - len(asked())
    tap(closed == opened > 0, "every channel that was opened is closed again",
        f"{opened} opened, {closed} closed")


def two(a):
    """Another service on the same SE, at the same time; then it is killed."""
    b = Hal()
    b("init")
    _, x = a.open()
    _, y = b.open()
    tap(x and y and x != y and a.whose(x) and b.whose(y), "two programs: a channel each",
        f"{x} {y}")
    tap(a.send(y)[0] == FAILED and b.send(x)[0] == FAILED, "and not that of the other")
    # both at once, one with work on it
    for i in range(10):
        a.ask(f"send {0x80 | x:02X}30000500" if i % 2 else f"send {0x80 | x:02X}50000000")
        b.ask(f"send {0x80 | y:02X}50000000" if i % 2 else f"send {0x80 | y:02X}30000500")
        got = (a.answer()[:2], b.answer()[:2])
        if got != (((OK, "9000"), (OK, f"{y:02X}9000")) if i % 2 else
                   ((OK, f"{x:02X}9000"), (OK, "9000"))):
            break
    else:
        got = "all"
    tap(got == "all", "commands of both, asked at once, have their own answers", got)
    more = [b.open() for _ in range(CHANNELS - 2)]
    tap(all(s == OK for s, _ in more) and a.open()[0] == NOT_AVAILABLE,
        "one takes all that are left: CHANNEL_NOT_AVAILABLE for the other")
    closed = sum(h.startswith("7080") for h in came())
    b.ask(f"send {0x80 | y:02X}3003E800")  # one second of work, which it does not live to see
    until(lambda: "3003E8" in came())
    b.kill()
    tap(until(lambda: sum(h.startswith("7080") for h in came()) >= closed + CHANNELS - 1),
        "killed within a command: the kernel closes its 18 channels",
        sum(h.startswith("7080") for h in came()) - closed)
    tap(came().count("3003E8") == 1, "and its command ran once")
    again = [a.open() for _ in range(CHANNELS - 1)]
    tap(all(s == OK for s, _ in again) and a.whose(x), "they can all be had again, and the "
        "channel of the one that lives is as it was", str([s for s, _ in again if s]))
    for _, n in again:
        a(f"close {n}")
    return x


def resets(a, x):
    got = a("reset")
    tap(got[0] == FAILED and got[2] == "" and a.whose(x),
        "reset: not without the capability, and then no channel is lost by it", got)
    root = Hal(privileged=True)
    root("init")
    _, y = root.open()
    got = root("reset")
    tap(got[0] == OK and got[2] == "-+", "reset by who may: told false, then true", got)
    tap(root.send(y)[0] == FAILED, "its channel is gone")
    got = a("wait 60000")
    tap(got[1:] == ("PRI", "-+"), "the other program is woken and told", got)
    tap(a.send(x)[0] == FAILED, "its channel is gone, too")
    _, x = a.open()
    root("reset")
    n = came().count("500000")
    got = a(f"send {0x80 | x:02X}50000000")
    tap(got[0] == NOT_AVAILABLE and got[2] == "-+" and came().count("500000") == n,
        "who has not looked: transmit says CHANNEL_NOT_AVAILABLE, nothing runs", got)
    tap(a.open()[0] == OK, "new channels after it")
    got = root(f"basic {TEST} 00")
    tap(got[0] == OK and root("send 8050000000")[1] == "009000",
        "openBasicChannel, transmit: for who may", got[0])
    got = (root("close 0")[0], root(f"basic {NONE} 00")[0], root("send 8050000000")[0])
    tap(got == (FAILED, NO_SUCH, FAILED), "after an opening that fails it is nobody's", got)
    # one that may use the basic channel: nothing must end up there
    _, y = root.open()
    boss = Hal(privileged=True)
    boss("init")
    boss("reset")
    got, n = root("wait 60000")[1:], came().count("500102")
    tap(got == ("PRI", "-+") and root.send(y, "80500102")[0] == FAILED and
        came().count("500102") == n, "reset under one that may use the basic channel, too: "
        "its command does not run there instead", got)
    tap((boss.end(), root.end()) == (0, 0), "services that end")


def access(a):
    tap(a.open(TEST, who="abc")[0] == SECURITY, "an ARA-M without rules denies")
    rule(f"4F09{TEST}C114{ABC}", "D01080500000FFFF000080200001FFFFFFFF")
    status, ch = a.open(TEST, who="abc")
    tap(status == OK and a.whose(ch), "a rule allows an application to a signer", ch)
    got = [a.open(TEST, who=w)[0] for w in ("abd", "nobody")]
    tap(got == [SECURITY] * 2, "to nobody else", got)
    got = [a.open("A000000151000000", who="abc")[0], a.open("-", who="abc")[0]]
    tap(got == [SECURITY] * 2, "and no other application", got)
    tap(a.send(ch, "80200001")[:2] == (OK, "000000019000"), "a filter lets a command through")
    n = len(asked())
    got = [a.send(ch, h)[0] for h in ("80200002", "80400001", "00A40400")]
    tap(got == [SECURITY] * 3 and len(asked()) == n,
        "what it does not have is refused: nothing comes to the SE", got)
    rule(f"4F09{TEST}C114{ABC}", "D00100")
    tap(a.open(TEST, who="abc")[0] == SECURITY and a.whose(ch),
        "the rule is NEVER now: no new channel, the open one stays")
    rule("4F00C100", "D00101")
    got = [a.open("A000000151000000", who="nobody")[0], a.open(TEST, who="nobody")[0]]
    tap(got == [OK, SECURITY], "ALWAYS for all others does not reach what has a rule", got)


def main():
    for m in ("se", "se-spi", "se-sim"):
        subprocess.run(["insmod", f"{vm.MODULES}/{m}.ko"], check=True)
    with open("/run/profile", "w", encoding="ascii") as f:
        f.write("applet = test\napplet = ara\n")
    a = Hal()
    got = a("init")
    tap(got[0] == IOERROR and got[2] == "-", "init without an SE: IOERROR, told false", got)
    tap(a("present")[1] == "no" and a.open()[0] == IOERROR, "isCardPresent: no")
    with Card() as card:
        tap(card.there, "the driver finds an SE")
        got = a("wait 10")
        tap(got[1:] == ("nothing", "+"), "an SE that comes later is told", got)
        operations(a)
        resets(a, two(a))
        access(a)
        _, ch = a.open()
    got = a("wait 60000")
    tap(got[1:] == ("HUP", "-"), "the SE goes: woken, told false", got)
    got = (a("present")[1], a.send(ch)[0], a.open()[0], a("reset")[0], a("atr")[1])
    tap(got == ("no", FAILED, IOERROR, FAILED, ""), "and nothing is to be had", got)
    vm.node(False)
    with Card() as card:
        got = a("wait 10")
        tap(card.there and got[1:] == ("nothing", "+"), "it comes back: told true", got)
        status, ch = a.open(TEST, who="nobody")
        tap(status == SECURITY and a.open("A000000151000000", who="nobody")[0] == OK,
            "the rules hold", status)
        status, ch = a.open()
        tap(status == OK and a.whose(ch), "and so does all else", ch)
        tap(a.end() == 0, "a service that ends")
    vm.node(False)
    subprocess.run(["rmmod", "se-sim", "se-spi", "se"], check=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
