# SPDX-License-Identifier: Apache-2.0
"""A relay before the software SE's socket: what passes can be kept, changed, or held until
the test has done something, so that "amid this command" is no matter of luck."""

import contextlib
import socket
import threading

LONGEST = 120   # seconds that an answer is held for; only a test that hangs comes so far


class Relay(threading.Thread):
    """Listens at path, connects to the socket card for each client. answered(command, answer)
    is called, by the client's thread, when the card has answered a C-APDU; what it returns is
    what the client gets. seen has the C-APDUs in their order."""

    def __init__(self, path, card, answered=None):
        super().__init__(daemon=True)
        self.path, self.card, self.seen = path, card, []
        self.answered = answered or (lambda command, answer: answer)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.start()

    @staticmethod
    def take_bytes(s, n):
        """So many bytes; EOFError at the end. MSG_WAITALL would give fewer after a stop."""
        data = b""
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def message(self, s):
        return self.take_bytes(s, int.from_bytes(self.take_bytes(s, 2), "big"))

    def run(self):
        # closed by stop()
        with contextlib.suppress(OSError):
            while True:
                host = self.listener.accept()[0]
                threading.Thread(target=self.pump, args=(host,), daemon=True).start()

    def pump(self, host):
        # either may hang up at any time
        with host, socket.socket(socket.AF_UNIX) as card, \
                contextlib.suppress(EOFError, OSError):
            card.connect(self.card)
            while True:
                command = self.message(host)
                control = len(command) == 1     # 4 asks for the ATR, the others for nothing
                if not control:
                    self.seen.append(command)
                card.sendall(len(command).to_bytes(2, "big") + command)
                if control and command != b"\x04":
                    continue
                answer = self.message(card)
                if not control:
                    answer = self.answered(command, answer)
                host.sendall(len(answer).to_bytes(2, "big") + answer)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()

    def take(self):
        """The C-APDUs since the last call."""
        seen, self.seen = self.seen, []
        return seen


class Hold:
    """For a Relay: the answer to the next command with this INS is there, and waits."""

    def __init__(self, ins):
        self.ins = ins
        self.reached, self.go = threading.Event(), threading.Event()

    def __call__(self, command, answer):
        if command[1] == self.ins and not self.reached.is_set():
            self.reached.set()
            self.go.wait(LONGEST)
        return answer
