# SPDX-License-Identifier: Apache-2.0
"""A server at datagram level, for what a well-behaved CoAP library never does:
the same message twice, blocks out of order, silence. Only the codec is aiocoap's.
"""

import os
import random
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../server"))

import aiocoap  # noqa: E402
from aiocoap import ACK, CON, NON, RST  # noqa: E402
from aiocoap.numbers.codes import CREATED, EMPTY  # noqa: E402


def dotted(code):
    return f"{code >> 5}.{code & 31:02d}"


class RawServer:
    """Bound to a port; takes one registration; then whatever the test wants."""

    def __init__(self, port):
        self.port = port
        self.mid = random.randrange(65536)
        self.notifications = []
        self.registrations = 0
        self.updates = 0
        self.client = None
        self.open()

    def open(self):
        """Binds the socket (again)."""
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", self.port))

    def close(self):
        self.sock.close()

    def receive(self, timeout):
        """(message, datagram, address) or None."""
        self.sock.settimeout(max(0.001, timeout))
        try:
            data, address = self.sock.recvfrom(65536)
        except TimeoutError:
            return None
        return aiocoap.Message.decode(data), data, address

    def reply(self, request, address, code, **options):
        m = aiocoap.Message(code=code, mtype=ACK, mid=request.mid, token=request.token, **options)
        self.sock.sendto(m.encode(), address)

    def serve(self, message, address):
        """Answers what a client asks of a server. True if it was such."""
        path = message.opt.uri_path
        if message.code.is_request() and path[:1] == ("rd",):
            if message.code == aiocoap.POST and len(path) == 1:
                self.registrations += 1
                self.client = address
                self.reply(message, address, CREATED, location_path=["rd", "raw"])
            elif message.code == aiocoap.POST:
                self.updates += 1
                self.client = address
                self.reply(message, address, aiocoap.CHANGED)
            else:
                self.reply(message, address, aiocoap.DELETED)
            return True
        return False

    def acknowledge(self, message, address):
        if message.mtype == CON:
            self.sock.sendto(aiocoap.Message(code=EMPTY, mtype=ACK, mid=message.mid,
                                             token=b"").encode(), address)

    def wait_for_registration(self, timeout, count=1, resumed=False):
        """Register, or with resumed the Update of a device that was restarted."""
        end = time.monotonic() + timeout
        while self.registrations + resumed * self.updates < count:
            got = self.receive(end - time.monotonic())
            if got is None:
                raise AssertionError(f"no registration within {timeout} s")
            self.serve(got[0], got[2])

    def build(self, code, path, payload=b"", **options):
        """A confirmable request with a message id and token of its own."""
        self.mid = (self.mid + 1) & 0xFFFF
        return aiocoap.Message(code=code, mtype=CON, mid=self.mid,
                               token=random.randbytes(4), payload=payload,
                               uri_path=[str(p) for p in path], **options)

    def send(self, message):
        self.sock.sendto(message.encode(), self.client)

    def answers(self, message, seconds, enough=1):
        """Everything that answers the message (by token, or by id if it has no
        token) until enough came or the time is over."""
        out = []
        end = time.monotonic() + seconds
        while len(out) < enough and time.monotonic() < end:
            got = self.receive(end - time.monotonic())
            if got is None:
                break
            m, _, address = got
            if self.serve(m, address):
                continue
            if m.mtype == ACK and m.code == EMPTY:
                continue
            if m.mtype != ACK:
                self.acknowledge(m, address)
            if m.token == message.token and m.code != EMPTY or \
                    m.mtype == RST and m.mid == message.mid:
                out.append(m)
        return out

    def request(self, code, path, payload=b"", timeout=60, **options):
        """One request, one answer; repeated as RFC 7252 has it."""
        message = self.build(code, path, payload, **options)
        end = time.monotonic() + timeout
        pause = 2.0
        while time.monotonic() < end:
            self.send(message)
            got = self.answers(message, min(pause, end - time.monotonic()))
            if got:
                return got[0]
            pause *= 2
        raise AssertionError(f"no answer to {code} /{'/'.join(map(str, path))} in {timeout} s")


__all__ = ["ACK", "CON", "NON", "RST", "RawServer", "dotted"]
