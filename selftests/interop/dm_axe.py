# SPDX-License-Identifier: Apache-2.0
"""What dm-kill.py stands on: a DM server that is struck at a message, a software SE that is
struck at an APDU, and a World in which both stand around semd and which can be put back to
where it was."""

import asyncio
import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from dm_bench import PATIENCE, Bench, need, result  # noqa: E402
from card_issuer import DEFAULT, keyset  # noqa: E402
from dm_server import Fault, Server  # noqa: E402
from dm_session import DmError, get  # noqa: E402
from stack import Stack  # noqa: E402
from tap import tap  # noqa: E402
import syncml  # noqa: E402

interrupt = importlib.import_module("gp-interrupt")
kill = importlib.import_module("job-kill")
AFTER = ("kill-host", "lose-answer", "power-after")    # ways that let the command be executed
EFFECTS = {"E4": None, "E6": ("02", "20"), "E8": None, "D8": None, "F0": None}


class Struck(Exception):
    """The test itself has cut the session."""


class AxeServer(Server):
    """strike(i, kind): the i-th request to come is lost, its answer is dropped or cut;
    then struck() is called, once."""

    struck, armed, strict, hits = None, False, False, 0

    def strike(self, i, kind, struck=None):
        self.faults[:] = [None] * i + [Fault(kind)]
        self.struck, self.armed = struck, True

    def spare(self):
        self.faults.clear()
        self.armed = False

    async def request(self, reader, writer):
        try:
            return await super().request(reader, writer)
        finally:
            if self.armed and not self.faults:
                self.armed = False
                self.hits += 1
                if self.struck:
                    self.struck()

    async def dispatch(self, line, head, body):
        """After a restart nobody knows the sessions of before (strict)."""
        if self.strict:
            m = syncml.decode(body, syncml.coding_of(head.get("content-type", "")))
            if m.msg != "1" and (m.source, m.session) not in self.running:
                return 400, {}, b""
        return await super().dispatch(line, head, body)

    async def restart(self):
        """All of it is forgotten but what a server has in its database: nonces, alerts."""
        await self.stop()
        self.running.clear()
        self.strict = True
        while not self.sessions.empty():
            self.sessions.get_nowait()
        await self.start()


class AxeCard(interrupt.Card):
    """Two ways more: kill-before (the command does not leave), gone (until start()).
    struck_at: how many commands it had executed then."""

    struck_at = 0

    def serve(self):
        """semd has a connection for its jobs and one to look who is there."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def one(self, client):
        try:
            self.relay(client)
        except OSError:
            pass
        client.close()

    def happen(self, way, card, frame):
        self.struck_at = len(self.executed()) + (way in AFTER)
        if way == "kill-before":
            self.happened = True
            self.hosts.get().send_signal(signal.SIGKILL)
            return True
        if way == "gone":
            self.happened = True
            card.close()
            self.power_off()
            return True
        return super().happen(way, card, frame)

    def arm(self, way, at, host):
        self.happened, self.count, self.at = False, 0, at
        while not self.hosts.empty():
            self.hosts.get()
        self.hosts.put(host)
        self.way = way

    def effects(self, since=0):
        """{what: how often} of commands that had an effect that a second one would double."""
        seen = {}
        for words in self.executed()[since:]:
            ins, p1, sw = words[3][2:4], words[3][4:6], words[5]
            if sw != "9000" or ins not in EFFECTS or p1 in (EFFECTS[ins] or ()) or \
                    (ins == "E8" and p1 != "80"):
                continue
            seen[ins + p1] = seen.get(ins + p1, 0) + 1
        return seen


class AxeStack(Stack):
    """With the card of gp-interrupt.py and what can happen at its APDUs."""

    card = None

    def start_softse(self, *options):
        if self.card is None:
            self.card = AxeCard(self.folder)
            self.socket = self.card.front
        else:
            self.card.start()

    def stop_softse(self, sig=signal.SIGKILL):
        if self.card is not None:
            self.card.stop()

    def apdus(self):
        return self.card.executed()


class World(Bench):
    """A Bench with an axe. preload: environment of semd."""

    def __init__(self, coding="xml", device=None, preload=None, **more):
        super().__init__(coding, keys=keyset("isd", 30, DEFAULT),
                         device={"retry": "1", **(device or {})}, **more)
        self.stack = AxeStack(None)
        self.server = AxeServer(client_nonce=b"client-nonce-000", server_nonce=b"server-nonce-000",
                                timeout=PATIENCE)
        self.preload = preload or {}
        self.lost = 0       # notifications that were not heard

    async def start_semd(self):
        # a session that was asked for comes again with its number, and with the same octets:
        # nobody would answer it here as a repetition of what was given up
        self.server.running.clear()
        before = dict(os.environ)
        os.environ.update(self.preload)
        try:
            await super().start_semd()
        finally:
            for name in self.preload:
                os.environ.pop(name, None)
            os.environ.update(before)

    @property
    def card(self):
        return self.stack.card

    # -- to where it was

    def picture(self, name):
        """Of what semd and the card keep; both are down."""
        to = self.stack.path(name)
        shutil.copytree(self.stack.state_dir, os.path.join(to, "state"))
        shutil.copy(self.stack.path("image"), to)
        return to, self.server.client_nonce, self.server.server_nonce

    async def down(self):
        self.card.way = None
        await self.settled()            # it may be reading the end of a session still
        await self.thread(self.stack.stop_semd, signal.SIGTERM)
        self.card.power_off()

    async def up(self):
        self.card.start()
        await self.start_semd()

    async def restore(self, picture):
        folder, self.server.client_nonce, self.server.server_nonce = picture
        await self.thread(self.stack.stop_semd, signal.SIGKILL)
        self.card.way = None
        self.card.power_off()
        shutil.rmtree(self.stack.state_dir)
        shutil.copytree(os.path.join(folder, "state"), self.stack.state_dir)
        shutil.copy(os.path.join(folder, "image"), self.stack.path("image"))
        os.unlink(self.card.log)
        self.server.spare()
        self.server.alerts.clear()
        self.server.running.clear()
        self.server.alert_status = 200
        while not self.server.sessions.empty():
            self.server.sessions.get_nowait()
        await self.up()

    # -- waiting

    async def quiet(self):
        """No APDU comes: semd has no job that runs or is to run. What it asks a card of before
        that, when it sees it, is over where there are sessions."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while True:
            n = self.card.count
            said = (await self.sectl("jobs", "list", "--json")).stdout
            jobs = [j for j in json.loads(said)["result"]["jobs"]
                    if j["state"] in ("queued", "running")]
            if not jobs and n == self.card.count:
                return
            need(asyncio.get_running_loop().time() < end, f"the SE is quiet, within {PATIENCE} s",
                 jobs)

    async def unless(self, test, coroutine):
        """Its result, or Struck as soon as test() is true; what the peer does then is its own."""
        task = asyncio.ensure_future(coroutine)
        while not task.done():
            if test():
                # an answer that is on its way may still come
                await asyncio.wait([task], timeout=0.05)
                break
            await asyncio.wait([task], timeout=0.01)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait([task])
        raise Struck

    # -- sessions

    async def session(self, server=None):
        """A session that the server asked for; others that begin meanwhile are ended. Where the
        nonces of both are not the same any more, the one that the standard has for that."""
        for nonce in (None, bytes(4)):
            number = next(self.numbers)
            session = await self.called(self.server, number,
                                        self.server.notification(number, nonce=nonce))
            if session:
                return session
            self.lost += 1
        raise AssertionError(f"no session {number:X}: {await self.status()}")

    async def opened(self, session, number):
        try:
            await session.open()
        except DmError:
            return None
        if session.id == f"{number:X}":
            return session
        await self.over(session)
        return None

    @staticmethod
    async def over(session):
        """Ends one that the device began; not before it knows who we are."""
        with contextlib.suppress(DmError):
            await session.run(get("./DevInfo/Man"))
            await session.end()

    async def alert(self, correlator):
        """What an alert says that comes in whichever session."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not (told := self.told(correlator)):
            left = end - asyncio.get_running_loop().time()
            need(left > 0, f"the alert of {correlator}, within {PATIENCE} s", await self.status())
            with contextlib.suppress(DmError):
                await self.over(await self.server.session(left))
        return told[-1]

    async def acknowledged(self, correlator):
        """The server takes the alert now; then it does not come again."""
        self.server.alert_status = 200
        await (await self.session()).end()
        told = self.told(correlator)
        await (await self.session()).end()
        need(len(self.told(correlator)) == len(told), "an alert that was taken comes no more")
        return told

    def told(self, correlator):
        """What was said of it: one and the same thing, however often."""
        told = [result(a) for a in self.server.alerts if a.correlator == correlator]
        need(len({a.alert.data for a in told}) <= 1, "one result", [a.alert.data for a in told])
        return told

    async def bring_to_end(self, uri, *before, tries=6):
        """Executes it until it is done; the owner of the device allows what has to be allowed."""
        seen = []
        for _ in range(tries):
            session = await self.session()
            done = await self.operate(session, uri, *before, code=None)
            await session.end()
            seen.append(done.code)
            if done.code == 1200:
                return seen
            if done.code == 1411:
                await self.thread(self.allow)
        need(False, f"{uri} comes to its end", (seen, done))

    def allow(self):
        """The owner of the device lets it prove its keys once more."""
        control = kill.Varlink(self.stack.path("run/io.sesame.Manager"))
        for entry in control.call("ListAttempts")["attempts"]:
            if entry["state"] != "success":
                control.call("ForgetAttempts", file=entry["file"])
        control.s.close()


class Points:
    """Which of n to take."""

    def __init__(self, every, rng):
        self.every, self.rng = every, rng

    def __call__(self, n, first=0):
        step = min(self.every, max(1, n))
        return range(first + self.rng.randrange(step), first + n, step)


def tell(name, wrong, tried, began):
    """One line for many points."""
    tap(tried and not wrong, f"{name}, {tried} points",
        "; ".join(wrong[:3])[:1200] if wrong else f"{time.monotonic() - began:.1f} s")


__all__ = ["AxeServer", "DmError", "Points", "Struck", "World", "tell"]
