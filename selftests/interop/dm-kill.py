#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Interruptions of OMA DM: of sessions, of operations on the secure element, of Atomics, of
large objects; replays of package 0. TAP on stdout.

    dm-kill.py [--every N] [--seed SEED] [PART…]

--every 1 strikes at every message, every APDU, every write; larger numbers at every N-th
(the first of them is chosen by the seed). Parts: messages, apdus, card, tree, notify, large.
What has to hold afterwards is Documentation/dm/secure-element-mo.rst, 8.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from dm_axe import DmError, Struck, World  # noqa: E402
from dm_bench import APP, MODULE, PKG, SE, entry, need  # noqa: E402
from dm_iot_care import codes_of, refused_install  # noqa: E402
from dm_session import add, atomic, delete, execute, get, interior, put  # noqa: E402
import cap  # noqa: E402
import dm_auth  # noqa: E402
import script  # noqa: E402
from powercut import Disk  # noqa: E402
from stack import OUT  # noqa: E402
from tap import tap  # noqa: E402

DOMAIN = bytes.fromhex("F0534553414D4501")
AT = entry("Application", APP)
NODE = f"{SE}/Package/app"


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


# -- every APDU of an operation


@dataclass
class Op:
    """An operation, what it starts from, and what brings it to its end."""
    name: str
    picture: object
    uri: str
    before: tuple = ()
    resume: str = ""
    after: tuple = ()       # of what brings it to its end


async def prepare(b):
    """Pictures of a card with a package that is delivered, and with its application."""
    session = await b.session()
    await b.keyed(session)
    await session.run(interior(NODE), put(f"{NODE}/InstanceAID", APP), put(
        f"{NODE}/Data", cap.Cap(PKG, [MODULE], code=600).zip()))
    await b.operate(session, f"{SE}/Operations/CreateSecurityDomain",
                    put(f"{SE}/Parameter/AID", DOMAIN))
    await session.run(execute(f"{SE}/Operations/Clear"))
    await session.end()
    await b.down()
    empty = b.picture("empty")
    await b.up()
    session = await b.session()
    await b.application(session)
    await session.run(execute(f"{NODE}/Operations/Clear"))
    await session.end()
    await b.down()
    full = b.picture("full")
    await b.up()
    load_file = entry("LoadFile", PKG)
    return [
        Op("Install", empty, f"{NODE}/Operations/Install", resume=f"{NODE}/Operations/Install"),
        Op("Lock", full, f"{AT}/Operations/Lock", resume=f"{AT}/Operations/Resume"),
        Op("Extradite", full, f"{AT}/Operations/Extradite",
           (put(f"{AT}/Parameter/Target", DOMAIN),), f"{AT}/Operations/Resume"),
        Op("Delete", full, f"{load_file}/Operations/Delete",
           (put(f"{load_file}/Parameter/Related", True),), f"{load_file}/Operations/Resume"),
    ]


async def card_of(b):
    session = await b.session()
    card = await b.registry(session)
    await session.end()
    return card


async def measure(b, op):
    """C-APDUs until its alert, the card before and after."""
    await b.restore(op.picture)
    before = await card_of(b)
    await b.restore(op.picture)
    session = await b.session()
    await b.quiet()
    b.card.arm(None, 0, None)
    done = await b.operate(session, op.uri, *op.before)
    await b.quiet()
    n = b.card.count
    await session.end()
    return n, done, before, await card_of(b)


async def one_apdu(b, op, way, k, want):
    """None, or what is wrong. want: what measure() said."""
    _, whole, before, after = want
    await b.restore(op.picture)
    session = await b.session()
    await b.quiet()
    correlator = b.correlator()
    b.server.alert_status = 500         # the alert is not taken yet
    mark = len(b.card.executed())
    b.card.arm(way, k, b.stack.semd)
    killed = way.startswith("kill")
    try:
        replies = await b.unless(lambda: killed and b.card.happened,
                                 session.run(*op.before, execute(op.uri, correlator)))
        need(replies[-1].code == 202, "Status of Exec", [r.code for r in replies])
        await b.until(lambda: b.card.happened, 10, f"APDU {k}")
        if not killed:
            await b.finish(session, correlator)
            await session.end()
    except Struck:
        pass
    ran = len(b.card.executed()) - mark
    if killed:
        await b.thread(b.stack.semd.wait)
        await b.start_semd()
    told = await b.alert(correlator)
    await b.quiet()
    effects = b.card.effects(mark)
    complaint = judge(told, whole, ran, killed)
    # the same again: accepted, and nothing runs
    session = await b.session()
    again, = await session.run(execute(op.uri, correlator))
    await b.quiet()
    await session.end()
    need(again.code == 202, "Status of the repeated Exec", again.code)
    need(b.card.effects(mark) == effects, "a repeated Exec runs nothing", b.card.effects(mark))
    await b.acknowledged(correlator)
    card = await card_of(b)
    if told.code == 1200:
        need(card == after, "1200, but the card is", card)
    elif told.code == 1405:
        need(card == before, "1405, but the card is", card)
        await b.bring_to_end(op.uri, *op.before)
    elif op.name != "Delete" or card != after:
        await b.bring_to_end(op.resume, *op.after)
    twice = {k: n for k, n in b.card.effects(mark).items() if n > 1}
    need(not twice, "nothing takes effect twice", twice)
    need(await card_of(b) == after, "the card in the end")
    need(not b.server.complaints, "no complaint", b.server.complaints[:2])
    return complaint


def judge(told, whole, ran, killed):
    """Is what the alert said what the card's log has? ran: its commands there by then; the job's
    own two (a channel, SELECT) are not counted in Executed."""
    allowed = (1200, 1405, 1501, 1502) if killed else (1200, 1500, 1502)
    if told.code not in allowed:
        return f"ResultCode {told.code} of {told}"
    if told.code in (1200, 1405):
        return None
    job = max(0, min(ran, whole.total + 2) - 2)
    if told.outcome == 30:
        return None if told.executed <= job <= told.executed + 16 else f"{ran} ran: {told}"
    return None if told.executed == job else f"{ran} ran, not {told.executed}: {told}"


async def apdus(points):
    ways = ("kill-before", "kill-host", "power", "power-after")
    async with World() as b:
        for op in await prepare(b):
            want = await measure(b, op)
            print(f"# {op.name}: {want[0]} APDUs, {want[1].executed} of its own", flush=True)
            b.server.complaints.clear()
            for way in ways:
                began, wrong, tried = time.monotonic(), [], 0
                for k in points(want[0], 1):
                    tried += 1
                    try:
                        why = await one_apdu(b, op, way, k, want)
                    except (AssertionError, DmError, TimeoutError) as e:
                        why = f"{type(e).__name__}: {' '.join(str(e).split())[:400]}"
                    if why:
                        wrong.append(f"APDU {k}: {why}")
                    b.server.complaints.clear()
                tell(f"{op.name}, {way}", wrong, tried, began)


# -- every message of a session


class Program:
    """What a management server does about one script, whatever happens to its sessions: each
    step is one that may be done again. Commands differ, so that the card's log tells them."""

    node = f"{SE}/APDU/kill"

    def __init__(self, b, number):
        self.b, self.correlator = b, b.correlator()
        self.p1p2 = [number * 8 + i for i in range(6)]
        self.commands = [bytes([0x80, 0x20, n >> 8, n & 255, 0]) for n in self.p1p2]
        self.code, self.done = None, False

    def ran(self):
        """How often each of them ran."""
        heads = [w[3][4:8] for w in self.b.card.executed() if w[3][2:4] == "20"]
        return [heads.count(f"{n:04X}") for n in self.p1p2]

    async def attempt(self):
        session = await self.b.session()
        self.hear()     # it may have come with package 1
        if self.code is None:
            await self.transmit(session)
        state, response = await session.run(get(f"{self.node}/State"), get(
            f"{self.node}/Response"))
        if response.code == 200 and response.value and self.code == 1200:
            need(len(script.parse_response(response.value).rapdus) == 6, "Response")
        await session.run(execute(f"{self.node}/Operations/Clear"))
        gone, = await session.run(delete(self.node))
        need(gone.code in (200, 404), "Delete", gone.code)
        self.done = True
        await session.end()

    def hear(self):
        for a in self.b.told(self.correlator):
            self.code = a.code

    async def transmit(self, session):
        uri = f"{self.node}/Operations/Transmit"
        made, aid, command, run = await session.run(
            interior(self.node), put(f"{self.node}/TargetAID", APP),
            put(f"{self.node}/Command", script.command_script(self.commands)),
            execute(uri, self.correlator))
        codes = (made.code, aid.code, command.code, run.code)
        need(made.code in (200, 418) and {aid.code, command.code} <= {200, 409} and
             run.code == 202, "Status", codes)
        self.code = (await self.b.finish(session, self.correlator)).code


async def one_message(b, number, i, kind, then):
    """None, or what is wrong. then: what happens besides: nothing, server, semd."""
    program, struck = Program(b, number), asyncio.Event()
    semd = b.stack.semd

    def at_once():
        if then == "semd":
            semd.send_signal(signal.SIGKILL)
        struck.set()
    b.server.alerts.clear()
    b.server.strike(i, kind, at_once)
    hits = b.server.hits
    for _ in range(4):
        try:
            await b.unless(lambda: then and struck.is_set(), program.attempt())
        except (DmError, Struck):
            pass
        if program.done and not struck.is_set():
            await asyncio.sleep(0.1)    # the last message is one, too
        if struck.is_set() and then == "semd":
            await b.thread(semd.wait)
            await b.start_semd()
        elif struck.is_set() and then == "server":
            await b.server.restart()
        then = "" if struck.is_set() else then
        struck.clear()
        program.hear()
        if program.done:
            break
    need(program.done, "the program comes to its end")
    b.server.spare()
    ran = program.ran()
    need(max(ran) <= 1, "no command ran twice", ran)
    need(program.code != 1200 or ran == [1] * 6, "1200, and the card's log", ran)
    need(program.code in (1200, 1501, 1502, 1405), "ResultCode", program.code)
    return b.server.hits > hits


async def messages(points):
    async with World() as b:
        session = await b.session()
        await b.application(session)
        await session.end()
        before, program = len(b.server.requests), Program(b, 0)
        await program.attempt()
        n = len(b.server.requests) - before
        tap(program.code == 1200 and program.ran() == [1] * 6, "a session that nobody cuts",
            f"{n} messages")
        number = 0
        for then in ("", "server", "semd"):
            for kind in ("lose", "drop", "cut"):
                began, wrong, hits, at = time.monotonic(), [], 0, points(n)
                for i in at:
                    number += 1
                    b.server.strict = False
                    try:
                        hits += await one_message(b, number, i, kind, then)
                    except (AssertionError, DmError, TimeoutError) as e:
                        wrong.append(f"message {i}: {' '.join(str(e).split())[:400]}")
                        b.server.spare()
                    # a session that a server has forgotten is none of the device's faults
                    wrong += [c for c in b.server.complaints if not then]
                    b.server.complaints.clear()
                tell(f"{kind} a message, {then or 'nobody'} restarts", wrong, hits, began)
        print(f"# notifications that were not heard: {b.lost}", flush=True)


# -- package 0


async def notify(points):
    async with World() as b:
        wrong, began, tried = [], time.monotonic(), 0
        for sig in (signal.SIGKILL, signal.SIGTERM):
            for nonce in (None, bytes(4)):
                tried += 1
                package = b.server.notification(next(b.numbers), nonce=nonce)
                dm_auth.send_udp(b.udp, dm_auth.push(package))
                session = await b.server.session()
                man, = await session.run(get("./DevInfo/Man"))
                await session.end()
                await asyncio.sleep(0.1)
                await b.restart(sig)
                n = len(b.server.requests)
                for wrapped in (dm_auth.push(package), package):
                    dm_auth.send_udp(b.udp, wrapped)
                await asyncio.sleep(0.4)
                if len(b.server.requests) != n:
                    wrong.append("a notification of before the restart was followed")
                session = await b.session()
                man, = await session.run(get("./DevInfo/Man"))
                heads = [c.code for c in session.messages[-1].named("Status") if c.cmd == "SyncHdr"]
                if len(session.messages) != 2 or heads != [212] or man.code != 200:
                    wrong.append(f"{len(session.messages)} messages, {heads}: a nonce was lost")
                await session.end()
                await asyncio.sleep(0.1)
        wrong += b.server.complaints
        if b.lost:
            wrong.append(f"{b.lost} notifications not heard: the nonce was lost")
        tell("replayed notifications, nonces over a restart", wrong, tried, began)


# -- a package as a large object

BIG = 512 << 10
BOUND = BIG // 4        # bytes that semd may grow by


def memory(pid):
    """(VmHWM, VmRSS) in bytes"""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        words = dict(line.split(":", 1) for line in f)
    return tuple(int(words[n].split()[0]) << 10 for n in ("VmHWM", "VmRSS"))


async def upload(b, node, data):
    session = await b.session()
    made, put_ = await session.run(interior(node), put(f"{node}/Data", data))
    values = await b.values(session, node, "State", "Size")
    await session.end()
    need(made.code in (200, 418) and put_.code == 200, "Add and Replace", (made.code, put_.code))
    need(values == {"State": "30", "Size": str(len(data))}, "the package is whole", values)
    return len(put_.chunks) + 1


async def large(points):
    data = cap.Cap(PKG, [MODULE], code=600, minor=3, resource=os.urandom(BIG)).zip()
    for coding in ("xml", "wbxml"):
        async with World(coding) as b:
            node = f"{SE}/Package/big"
            b.server.out_limit = 8192       # a message is in memory, and more than once
            session = await b.session()     # what a first package takes is taken once
            await session.run(interior(node), put(f"{node}/Data", cap.Cap(
                PKG, [MODULE], code=20000).zip()), delete(node))
            await session.end()
            pid, peaks = b.stack.semd.pid, []
            with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as f:
                f.write("5")
            before = memory(pid)[1]

            def sample(_, m):
                if any(i.more for c in m.cmds for i in c.items):
                    peaks.append(memory(pid)[0])
            b.server.tweak, began = sample, time.monotonic()
            chunks = await upload(b, node, data)
            b.server.tweak = None
            after = memory(pid)
            way, look = peaks[-1] - before, after[0] - before
            print(f"# {coding}: {len(data) >> 10} KiB in {chunks} chunks, "
                  f"{time.monotonic() - began:.2f} s; semd {before >> 10} KiB, {way >> 10} KiB "
                  f"more before the last chunk, {look >> 10} KiB more while the package was "
                  f"looked at, {(after[1] - before) >> 10} KiB more then", flush=True)
            with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
                sanitized = "asan" in f.read()
            if sanitized:
                tap.skip(f"memory, {coding}", "a sanitizer's build")
            else:
                tap(way < BOUND, f"{BIG >> 10} KiB arrive in constant memory, {coding}",
                    f"{way >> 10} KiB more, bound {BOUND >> 10}")
                # to be looked at the file is mapped, and what is to be loaded is unpacked once
                tap(look < 2 * len(data) + BOUND and after[1] - before < BOUND,
                    f"what it takes to look at it is given back, {coding}",
                    f"{look >> 10} KiB, then {(after[1] - before) >> 10}")
            await cut_large(b, data, chunks, points, coding)


async def cut_large(b, data, chunks, points, coding):
    """At a chunk: lost and sent again, or semd is killed and the server begins anew."""
    for kill_ in (False, True):
        wrong, tried, began = [], 0, time.monotonic()
        # not all of them: each is a whole package
        for i in sorted({2 + p % chunks for p in points(chunks)})[::max(1, chunks // 6)]:
            tried += 1
            node, semd, cut = f"{SE}/Package/cut", b.stack.semd, asyncio.Event()

            def strike():
                cut.set()
                if kill_:
                    semd.send_signal(signal.SIGKILL)
            b.server.strike(i, "drop", strike)
            try:
                await b.unless(lambda: kill_ and cut.is_set(), upload(b, node, data))
                need(cut.is_set() and not kill_, "a chunk was cut")
            except Struck:
                await b.thread(semd.wait)
                await b.start_semd()
                session = await b.session()
                values = await b.values(session, node, "State", "Size")
                await session.end()
                if values.get("State", "20") not in ("10", "20"):
                    wrong.append(f"chunk {i}: {values}")
                await upload(b, node, data)
            except (AssertionError, DmError) as e:
                wrong.append(f"chunk {i}: {str(e)[:300]}")
            session = await b.session()
            gone, = await session.run(delete(node))
            need(gone.code == 200, "Delete", gone.code)
            await session.end()
        tell(f"a large object cut at a chunk, {'semd killed' if kill_ else 'lost'}, {coding}",
             wrong, tried, began)


# -- Atomic in the tree

HERE_IS = "./DMAcc/kill"
BESIDE = "./DMAcc/beside"


async def tree_is(b):
    """(Name, PrefConRef, is BESIDE there?), read in a session of its own."""
    session = await b.session()
    name, ref, beside = await session.run(get(f"{HERE_IS}/Name"), get(f"{HERE_IS}/PrefConRef"),
                                          get(f"{BESIDE}/AppID"))
    await session.end()
    return name.value, ref.value, beside.code == 200


def change(number):
    """An Atomic of five commands, and what the tree is then."""
    there = number % 2 == 1
    cmds = [put(f"{HERE_IS}/Name", f"n{number}" * 40)]
    cmds += [interior(BESIDE), add(f"{BESIDE}/AppID", "w7"), add(
        f"{BESIDE}/Name", "x" * 900)] if there else [delete(BESIDE)]
    cmds += [put(f"{HERE_IS}/PrefConRef", f"r{number}")]
    return atomic(*cmds), (f"n{number}" * 40, f"r{number}", there)


async def one_write(b, disk, go, number, k, cut, rng):
    """(None or what is wrong, was semd struck?)"""
    command, new = change(number)
    old = await tree_is(b)
    session, semd, reply = await b.session(), b.stack.semd, None
    with open(go + ".new", "w", encoding="ascii") as f:
        f.write(str(k))
    os.rename(go + ".new", go)
    try:
        reply, = await b.unless(lambda: semd.poll() is not None, session.run(command))
        await b.unless(lambda: semd.poll() is not None, session.end())
    except Struck:
        pass
    os.unlink(go)
    await asyncio.sleep(0.05)
    struck = semd.poll() is not None
    if not struck:
        await b.thread(b.stack.stop_semd, signal.SIGKILL)
    if cut:
        disk.cut(rng)
    await b.start_semd()
    now = await tree_is(b)
    if now not in (old, new):
        return f"step {k}: half a tree: {str(now)[:120]}", struck
    if reply is not None and reply.code == 200 and now != new:
        return f"step {k}: 200, but the tree is the old one", struck
    return None, struck


async def tree(points):
    rng = points.rng
    for cut in (False, True):
        async with World() as b:
            disk = Disk(b.stack.state_dir, b.stack.path("disk"),
                        os.path.join(OUT, "interop/powercut.so"))
            go = b.stack.path("go")
            session = await b.session()
            made = await session.run(interior(HERE_IS), add(f"{HERE_IS}/AppID", "w7"), add(
                f"{HERE_IS}/Name", "n0"), add(f"{HERE_IS}/PrefConRef", "r0"))
            need([r.code for r in made] == [200] * 4, "Add", [r.code for r in made])
            await session.end()
            b.preload = {**disk.env, "LD_PRELOAD": " ".join(
                [os.path.join(OUT, "interop/killat.so"), disk.env["LD_PRELOAD"]]),
                "KILLAT_GO": go, "KILLAT_NAME": "dm.db"}
            await asyncio.sleep(0.1)
            await b.thread(b.stack.stop_semd, signal.SIGTERM)
            disk.settle()
            await b.start_semd()
            wrong, tried, began, k, number, over = [], 0, time.monotonic(), 1, 0, 0
            step = min(points.every, 3)     # there are not many
            k += rng.randrange(step)
            while not over and k < 2000:
                number += 1
                try:
                    why, struck = await one_write(b, disk, go, number, k, cut, rng)
                except (AssertionError, DmError, TimeoutError) as e:
                    why, struck = f"step {k}: {' '.join(str(e).split())[:300]}", True
                tried += struck
                over += not struck      # all of it was written before that
                if why:
                    wrong.append(why)
                k += step
            tell(f"Atomic in the tree, {'power cut' if cut else 'kill -9'} at a write or sync",
                 wrong, tried, began)
            print(f"# notifications that were not heard: {b.lost}", flush=True)


# -- Atomic on the card

SECOND = bytes.fromhex("F0534553414D4502")


def on_card(b, failing):
    """Lock, and make a domain; with a third that the card refuses. The command, correlators."""
    cmds = [execute(f"{AT}/Operations/Lock", b.correlator()), put(f"{SE}/Parameter/AID", SECOND),
            execute(f"{SE}/Operations/CreateSecurityDomain", b.correlator())]
    if failing:
        cmds += refused_install(b)[1]
    return atomic(*cmds), [c.correlator for c in cmds if c.name == "Exec"]


async def one_atomic(b, picture, way, k, failing, before, after):
    """(what is wrong or None, what the server was told)"""
    await b.restore(picture)
    session = await b.session()
    await b.quiet()
    command, names = on_card(b, failing)
    b.card.arm(way, k, b.stack.semd)
    killed, reply = way.startswith("kill"), None
    try:
        reply, = await b.unless(lambda: killed and b.card.happened, session.run(command))
        await session.end()
    except Struck:
        pass
    need(b.card.happened, f"APDU {k}")
    if killed:
        await b.thread(b.stack.semd.wait)
        await b.start_semd()
    if reply is None or not codes_of(reply)[1]:
        told = {(await b.alert(n)).code for n in names}
        need(len(told) == 1, "one truth for all of the Atomic", told)
        said = told.pop()
        said = {1405: 1420}.get(said, said)
    else:
        outer, inner = codes_of(reply)
        need(len(set(inner)) == 1 and (outer, inner[0]) in ((200, 200), (507, 216), (507, 516)),
             "Status", (outer, inner))
        said = {200: 1200, 216: 1420, 516: 1503}[inner[0]]
    await b.quiet()
    # a secure channel of the server's own looks at it
    card = await card_of(b)
    need(said != 1200 or card == after, "1200 or 200, but the card is", card)
    need(said != 1420 or card == before, "1420 or 216, but the card is", card)
    need(said in (1200, 1420, 1503), "ResultCode", said)
    return said


async def card(points):
    async with World() as b:
        full = (await prepare(b))[1].picture
        want, count = {}, {}
        for failing in (False, True):
            await b.restore(full)
            want["before"] = await card_of(b)
            await b.restore(full)
            session = await b.session()
            await b.quiet()
            b.card.arm(None, 0, None)
            reply, = await session.run(on_card(b, failing)[0])
            count[failing] = b.card.count
            await session.end()
            now = await card_of(b)
            if failing:
                tap(codes_of(reply) == (507, [216] * 3) and now == want["before"],
                    "the third fails: the first two are undone", str(codes_of(reply)))
            else:
                want["after"] = now
                tap(codes_of(reply) == (200, [200] * 2) and now != want["before"],
                    "an Atomic on the card", f"{count[failing]} APDUs")
        for failing in (False, True):
            for way in ("kill-before", "kill-host", "power", "power-after"):
                wrong, tried, began, said = [], 0, time.monotonic(), []
                for k in points(count[failing], 1):
                    tried += 1
                    try:
                        said.append(await one_atomic(b, full, way, k, failing, want["before"],
                                                     want["after"]))
                    except (AssertionError, DmError, TimeoutError) as e:
                        wrong.append(f"APDU {k}: {' '.join(str(e).split())[:400]}")
                tell(f"an Atomic that {'fails' if failing else 'succeeds'}, {way} "
                     f"({', '.join(f'{said.count(c)} of {c}' for c in sorted(set(said)))})",
                     wrong, tried, began)


PARTS = {"messages": messages, "apdus": apdus, "card": card, "tree": tree, "notify": notify,
         "large": large}


async def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--every", type=int, default=1, metavar="N")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("parts", nargs="*", choices=[[], *PARTS][1:] or None)
    args = p.parse_args()
    print(f"# seed {args.seed}", flush=True)
    points = Points(args.every, random.Random(args.seed))
    for name in args.parts or PARTS:
        began = time.monotonic()
        await PARTS[name](points)
        print(f"# {name}: {time.monotonic() - began:.1f} s", flush=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
