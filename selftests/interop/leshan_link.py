# SPDX-License-Identifier: Apache-2.0
"""Talks to leshan/LeshanPeer.java over its control connection."""

import collections
import itertools
import re
import socket
import threading
import time

Answer = collections.namedtuple("Answer", "code text")
Event = collections.namedtuple("Event", "kind endpoint text")


class Leshan:
    """Commands and events of one LeshanPeer. EP: the device asked if none is named."""

    EP = "sesame-test"

    def __init__(self, port, seconds=60):
        end = time.monotonic() + seconds
        while True:
            try:
                self.sock = socket.create_connection(("127.0.0.1", port), 2)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
        self.sock.settimeout(None)
        self.numbers = itertools.count(1)
        self.answers = {}
        self.events = []
        self.changed = threading.Condition()
        self.gone = None
        threading.Thread(target=self._read, daemon=True).start()
        if not self.event("ready", seconds=seconds, endpoint="-"):
            raise AssertionError(f"Leshan did not start: {self.gone}")

    def _read(self):
        try:
            with self.sock.makefile("r", encoding="utf-8") as f:
                for line in f:
                    word, _, rest = line.rstrip("\n").partition(" ")
                    with self.changed:
                        if word == "=":
                            number, _, rest = rest.partition(" ")
                            self.answers[number] = Answer(*(rest.split(" ", 1) + [""])[:2])
                        else:
                            self.events.append(Event(*(rest.split(" ", 2) + ["", ""])[:3]))
                        self.changed.notify_all()
            self.gone = "connection closed"
        except OSError as e:
            self.gone = str(e)
        with self.changed:
            self.changed.notify_all()

    def start(self, verb, *words, ep=None):
        """Sends a command; its number, for finish()."""
        number = str(next(self.numbers))
        self.sock.sendall(" ".join([number, verb, ep or self.EP, *map(str, words)]).encode()
                          + b"\n")
        return number

    def finish(self, number, seconds=90):
        with self.changed:
            if not self.changed.wait_for(lambda: number in self.answers or self.gone, seconds):
                return Answer("ERROR", f"Leshan said nothing within {seconds} s")
            return self.answers.pop(number, Answer("ERROR", str(self.gone)))

    def __call__(self, verb, *words, ep=None, seconds=90):
        """A command and its answer."""
        return self.finish(self.start(verb, *words, ep=ep), seconds)

    def mark(self):
        """Where the list of events ends now."""
        with self.changed:
            return len(self.events)

    def event(self, kind, pattern="", since=0, seconds=90, endpoint=None):
        """The first such event after mark `since`, or None."""
        def found():
            return next((e for e in self.events[since:] if e.kind == kind
                         and e.endpoint == (endpoint or self.EP)
                         and re.search(pattern, e.text)), None)
        with self.changed:
            self.changed.wait_for(lambda: found() or self.gone, seconds)
            return found()

    def close(self):
        self.sock.close()


def values(text):
    """{"/3/0/0": "…"} of what a Read answered."""
    return dict(v.split("=", 1) for v in text.split("|") if "=" in v)
