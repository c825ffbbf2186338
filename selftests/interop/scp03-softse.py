#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two readings of the standard meet: the server's SCP03 and card content
management against the software SE, APDU by APDU, with no daemon between. Every key
length, security level and option i. Prints TAP; run inside the Debian 13 root.
"""

import os
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import gp  # noqa: E402
from scp03 import LEVELS, Keys, Scp03Error, Session  # noqa: E402
from stack import Stack  # noqa: E402
from tap import tap  # noqa: E402

ELF = bytes.fromhex("F0534553414D4501")
MODULE = bytes.fromhex("F0534553414D450101")
APP = bytes.fromhex("F0534553414D450102")


class Card:
    """The software SE at APDU level: two length bytes, then the APDU."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(path)

    def _read(self, want):
        data = b""
        while len(data) < want:
            part = self.sock.recv(want - len(data))
            if not part:
                raise ConnectionError("the software SE closed the connection")
            data += part
        return data

    def send(self, apdu):
        self.sock.sendall(len(apdu).to_bytes(2, "big") + apdu)
        return self._read(int.from_bytes(self._read(2), "big"))

    def close(self):
        self.sock.close()


def session(card, keys, level, aid=gp.ISD):
    """SELECT and a new session."""
    answer = card.send(gp.select(aid))
    if answer[-2:] != b"\x90\x00":
        raise Scp03Error(f"SELECT: {answer[-2:].hex()}")
    s = Session(keys, aid=aid)
    s.card_answer(card.send(s.initialize_update()))
    s.authenticated(card.send(s.external_authenticate(level)))
    return s


def command(card, s, apdu, want=(0x9000,)):
    w = s.wrap(apdu)
    data, sw = s.unwrap(card.send(w.apdu), w)
    if sw not in want:
        raise Scp03Error(f"INS {apdu[1]:02X}: {sw:04X}")
    return data, sw


def life(card, keys, level):
    """The life of an application; raises if an answer is not the expected one."""
    s = session(card, keys, level)
    load = gp.synthetic_load_file(700, seed=level)
    command(card, s, gp.install_for_load(ELF, load.hash, gp.ISD))
    for block in load.loads(s.max_data):
        command(card, s, block)
    command(card, s, gp.install_and_make_selectable(ELF, MODULE, APP))

    def state():
        data, _ = command(card, s, gp.get_status(gp.OF_APPLICATIONS, aid=APP))
        return gp.records("app", data)[0].state_name

    seen = [state()]
    command(card, s, gp.set_status_application(APP, gp.LOCK))
    seen.append(state())
    command(card, s, gp.set_status_application(APP, gp.UNLOCK))
    seen.append(state())
    command(card, s, gp.get_data(0x0066))
    command(card, s, gp.delete(ELF, related=True))
    _, sw = command(card, s, gp.get_status(gp.OF_APPLICATIONS), want=(0x6A88,))
    if seen != ["SELECTABLE", "LOCKED", "SELECTABLE"]:
        raise Scp03Error(f"states {seen}")


def spoiled(card, keys):
    """A command with a wrong MAC ends the session (Amendment D, 6.2.4)."""
    s = session(card, keys, 0x33)
    bad = bytearray(s.wrap(gp.get_status(gp.OF_ISD)).apdu)
    bad[-2] ^= 1
    first = card.send(bytes(bad))
    second = card.send(s.wrap(gp.get_status(gp.OF_ISD)).apdu)
    tap(first[-2:] == b"\x69\x82" == second[-2:], "a wrong C-MAC ends the session",
        f"{first.hex()}, then {second.hex()}")
    answer = card.send(gp.get_status(gp.OF_ISD))
    tap(answer == b"\x69\x82", "GET STATUS without a session is refused", answer.hex())
    s = Session(Keys(keys.kvn, keys.enc, keys.mac[::-1], keys.dek))
    try:
        s.card_answer(card.send(s.initialize_update()))
        tap(False, "another key is noticed")
    except Scp03Error as e:
        tap(True, "another key is noticed", str(e))
    s = Session(keys)
    s.card_answer(card.send(s.initialize_update()))
    auth = bytearray(s.external_authenticate(0x33))
    auth[6] ^= 1
    answer = card.send(bytes(auth))
    tap(answer == b"\x69\x82" or answer == b"\x63\x00", "a wrong host cryptogram is refused",
        answer.hex())


def main():
    base = bytes(range(0x40, 0x60))
    for bits in (128, 192, 256):
        key = base[:bits // 8]
        keys = Keys(0x30, key, key[::-1], key[1:] + key[:1])
        for i in ((0x70,) if bits != 128 else (0x70, 0x60, 0x30, 0x20, 0x10, 0x00)):
            stack = Stack("coap://127.0.0.1:1")
            with open(stack.path("keys"), "w", encoding="ascii") as f:
                f.write("".join(k.hex() + "\n" for k in (keys.enc, keys.mac, keys.dek)))
            stack.start_softse(f"--keys={stack.path('keys')}", f"--scp={i:02X}")
            try:
                card = Card(stack.socket)
                for level in LEVELS[1:]:
                    name = f"AES-{bits}, i={i:02X}, level {level:02X}"
                    offered = not (level & 0x10 and not i & 0x20 or level & 0x20 and not i & 0x40)
                    try:
                        life(card, keys, level)
                        tap(offered, f"{name}: the life of an application")
                    except (Scp03Error, ValueError, OSError) as e:
                        tap(not offered and "does not offer" in str(e),
                            f"{name}: {'is not offered' if not offered else 'the life of an application'}",
                            "" if not offered else str(e))
                if (bits, i) == (128, 0x70):
                    spoiled(card, keys)
                card.close()
            except (Scp03Error, OSError, ValueError) as e:
                tap(False, f"AES-{bits}, i={i:02X}", str(e))
            finally:
                status = stack.stop_softse()
                if status != 0:
                    tap(False, "softse ends with status 0", str(status))
                    print(f"# {stack.text('softse.log')[-2000:]}")
                stack.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
