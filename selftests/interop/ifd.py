#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our handler for pcscd, under pcscd, with softse's socket as the SE: what PC/SC programs
that we did not write make of it. Another user of the SE works on it all the while. Runs in
the root, in a network of its own."""

import ctypes
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

import gpshell
from pcscd import OUT, Pcscd, Softse, missing, own_network, run, run_until
from tap import tap

HANDLER = f"{os.getcwd()}/{OUT}/libifd-sesame.so"
SYMBOLS = {"IFDH" + s for s in (
    "CreateChannelByName", "CreateChannel", "CloseChannel", "GetCapabilities", "SetCapabilities",
    "SetProtocolParameters", "PowerICC", "TransmitToICC", "Control", "ICCPresence")}
APPLET = "F0534553414D450102"
SELECT = f"00A4040009{APPLET}00"


def paragraph(name, device):
    """Of reader.conf."""
    return f'FRIENDLYNAME "{name}"\nDEVICENAME {device}\nLIBPATH {HANDLER}\n\n'


class Other:
    """Somebody else's session: the test applet on a logical channel of softse's socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.channel = self("0070000001")[0]
        if self.cla(SELECT)[-2:] != b"\x90\x00":
            raise RuntimeError("no test applet")

    def __call__(self, apdu):
        command = bytes.fromhex(apdu)
        self.socket.sendall(len(command).to_bytes(2, "big") + command)
        data = self.take(2)
        return self.take(int.from_bytes(data, "big"))

    def take(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise ConnectionError("softse hung up")
            data += more
        return data

    def cla(self, apdu):
        return self(f"{int(apdu[:2], 16) | self.channel:02X}{apdu[2:]}")


class Job(threading.Thread):
    """A counter of the applet, incremented until told to stop; each answer must be one more."""

    def __init__(self, path):
        super().__init__()
        self.other, self.end, self.n, self.bad = Other(path), False, 0, ""

    def run(self):
        try:
            while not self.end:
                self.n += 1
                got = self.other.cla("8020000700")
                if got != self.n.to_bytes(4, "big") + b"\x90\x00":
                    self.bad = f"count {self.n}: {got.hex()}"
                    return
                time.sleep(0.002)
        except OSError as error:
            self.bad = f"after {self.n}: {error}"

    def stop(self):
        self.end = True
        self.join()
        return not self.bad and self.n > 10


def opensc(*apdus):
    return run("opensc-tool", "--reader", "0", *[x for a in apdus for x in ("--send-apdu", a)])[0]


def programs(atr):
    """Those of Debian, with what they send by themselves."""
    out = run_until(atr, "timeout", "2", "pcsc_scan", "-q", "-n", "-c")
    tap("Card inserted" in out and atr in out, "pcsc_scan sees the SE and its ATR",
        "" if atr in out else out)
    out = run_until("3b", "opensc-tool", "--reader", "0", "--atr")
    tap(atr.replace(" ", ":").lower() in out, "opensc-tool --atr tells it too",
        "" if atr.replace(" ", ":").lower() in out else out)
    out = opensc("00A4040000", "80CA9F7F00")
    tap(out.count("SW1=0x90, SW2=0x00") == 2 and "9F 7F 2A" in out,
        "opensc-tool selects the card manager and reads its CPLC")
    out = opensc("00A4040008F000000000000000", "A0A40000023F00")
    tap("SW1=0x6A, SW2=0x82" in out and "SW1=0x6E, SW2=0x00" in out,
        "and is told what is not there: an application, a class")
    out, _ = run("scriptor", text=f"reset\n{SELECT}\n0070000001\n01{SELECT[2:]}\n8150000000\n"
                 "0070800100\n00708001\n8150000000\nreset\n8050000000\n")
    want = ("01 90 00", "62 00", "68 81")
    tap(all(w in out for w in want) and out.count("90 00") >= 5,
        "scriptor opens a logical channel, uses it, closes it, finds it closed",
        "" if all(w in out for w in want) else out)
    data = "A5" * 0x1234
    out, _ = run("scriptor", text=f"{SELECT}\n80100000001234{data}0000\n")
    tap("A5 " * 32 in " ".join(out.split()) and " ".join(out.split()).count("A5") >= 0x1234,
        "an extended APDU of 4660 bytes there and back")


class Card:
    """A connection of a PC/SC program, by libpcsclite itself."""

    def __init__(self, reader):
        self.lib = ctypes.CDLL("libpcsclite.so.1")
        self.context, self.card = ctypes.c_long(), ctypes.c_long()
        self.protocol, self.reader = ctypes.c_ulong(), reader.encode()

    def __enter__(self):
        self.lib.SCardEstablishContext(2, None, None, ctypes.byref(self.context))
        status = self.lib.SCardConnect(self.context, self.reader, 2, 2, ctypes.byref(self.card),
                                       ctypes.byref(self.protocol))
        if status:
            raise OSError(f"SCardConnect: {status & 0xffffffff:08X}")
        return self

    def __exit__(self, *_):
        self.lib.SCardDisconnect(self.card, 0)
        self.lib.SCardReleaseContext(self.context)

    def again(self, seconds=60):
        """SCardReconnect until there is a card; the last status."""
        end = time.monotonic() + seconds
        while True:
            status = self.lib.SCardReconnect(self.card, 2, 2, 0, ctypes.byref(self.protocol))
            if not status or time.monotonic() > end:
                return status & 0xffffffff
            time.sleep(0.05)

    def __call__(self, apdu, room=65548):
        """The R-APDU in hex, or the status of the call as a number."""
        command = bytes.fromhex(apdu)
        answer, n = ctypes.create_string_buffer(room), ctypes.c_ulong(room)
        pci = (ctypes.c_ulong * 2)(2, 16)
        status = self.lib.SCardTransmit(self.card, pci, command, ctypes.c_ulong(len(command)),
                                        None, answer, ctypes.byref(n))
        return answer.raw[:n.value].hex().upper() if not status else status & 0xffffffff

    def control(self, code):
        answer, n = ctypes.create_string_buffer(256), ctypes.c_ulong()
        status = self.lib.SCardControl(self.card, ctypes.c_ulong(code), None, 0, answer, 256,
                                       ctypes.byref(n))
        return answer.raw[:n.value] if not status else b""


def features(reader):
    """What readers say of extended APDUs, PC/SC part 10."""
    with Card(reader) as card:
        feature = card.control(0x42000000 + 3400)
        values = card.control(int.from_bytes(feature[2:6], "big")) if len(feature) == 6 else b""
        tap(b"\x0a\x04\x00\x00\x01\x00" in values and card.protocol.value == 2,
            "64 KiB of APDU by FEATURE_GET_TLV_PROPERTIES, T=1", values.hex())
        got = card(SELECT), card("8040002000", room=20), card("8050000000")
        tap(got[0][-4:] == got[2][-4:] == "9000" and got[1] == 0x80100008,
            "a buffer that is too small is told as that, and not as an APDU that failed",
            f"{got[1]:08X}" if isinstance(got[1], int) else got[1])


def gp(levels):
    """GPShell on the SE: SCP03, install, list, delete."""
    for level in levels:
        with tempfile.TemporaryDirectory() as where:
            bad = gpshell.session(3, level, 0x70, where, app=bytes.fromhex(APPLET[:-2] + "7F"))
        tap(not bad, f"GPShell installs, lists and deletes, SCP03 level {level:02X}")
        for line in bad:
            print(f"# {line}")


def idle(pcscd):
    """No presence is asked for several times a second, of pcscd or of the SE. Whoever does
    that never has three quiet seconds; a machine that is busy may give some of its own."""
    time.sleep(6)  # pcscd powers a card down that nobody uses
    end, seen = time.monotonic() + 60, []
    while not seen or seen[-1] >= 5 and time.monotonic() < end:
        before = pcscd.switches()
        time.sleep(3)
        seen.append(pcscd.switches() - before)
    tap(seen[-1] < 5, "pcscd sleeps while nothing happens",
        f"{', '.join(map(str, seen))} context switches in 3 s")


def shared(where, pcscd):
    path = f"{where}/se.sock"
    with open(f"{where}/profile", "w", encoding="ascii") as f:
        f.write("applet = test\n")
    with Softse(f"--apdu-socket={path}", f"--profile={where}/profile", "--scp=70", vpcd=False):
        job = Job(path)
        job.start()
        atr = atr_of(path)
        programs(atr)
        features("Sesame SE 00 00")
        gp((0x01, 0x13))
        good = job.stop()
        tap(good, "somebody else's job on the same SE went on through all that, reset and all",
            job.bad or f"{job.n} APDUs")
        # two PC/SC programs at once: pcscd's sharing is as with any card
        both = [subprocess.Popen(["scriptor"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True) for _ in range(2)]
        outs = [p.communicate("00A4040000\n" + "80CA9F7F00\n" * 20, timeout=60)[0] for p in both]
        tap(all(o.count("9F 7F 2A") == 20 for o in outs), "two programs at once, each its answers")
        idle(pcscd)
    out = run_until("Card removed", "timeout", "2", "pcsc_scan", "-q", "-n", "-c")
    tap("Card removed" in out, "an SE that goes is a card removed")
    with Softse(f"--apdu-socket={path}", f"--profile={where}/profile", vpcd=False):
        out = run_until(atr, "timeout", "2", "pcsc_scan", "-q", "-n", "-c")
        tap(atr in out, "and inserted when it is there again")


def atr_of(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"\0\1\4")
        s.recv(2)
        return s.recv(64).hex(" ").upper()


def main():
    absent = missing("pcsc_scan", "opensc-tool", "scriptor", "gpshell")
    if absent:
        tap.skip("the handler for pcscd", f"without {' and '.join(absent)}")
        return tap.done()
    own_network()
    out, _ = run("nm", "--dynamic", "--defined-only", HANDLER)
    exported = {line.split()[-1] for line in out.splitlines() if line}
    tap(exported == SYMBOLS, "the handler exports the ten symbols and no other",
        " ".join(exported ^ SYMBOLS))
    with tempfile.TemporaryDirectory() as where:
        conf = f"{where}/reader.conf"
        with open(conf, "w", encoding="ascii") as f:
            f.write(paragraph("Sesame SE", f"socket:{where}/se.sock"))
        with Pcscd(conf) as pcscd:
            failed = tap.failed
            shared(where, pcscd)
            if tap.failed > failed:
                print("\n".join(f"# {line}" for line in pcscd.said().splitlines()[-20:]))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
