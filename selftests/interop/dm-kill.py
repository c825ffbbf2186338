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

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from dm_axe import DmError, Points, Struck, World, tell  # noqa: E402
from dm_bench import APP, MODULE, PKG, SE, need  # noqa: E402
from dm_session import add, atomic, delete, execute, get, interior, put  # noqa: E402
import cap  # noqa: E402
import dm_auth  # noqa: E402
import dm_kill_card  # noqa: E402
import script  # noqa: E402
from powercut import Disk  # noqa: E402
from stack import OUT  # noqa: E402
from tap import tap  # noqa: E402


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


async def asks(b, struck):
    """A session of as many messages as it takes."""
    session = await b.session()
    while not struck.is_set():
        await session.run(get(f"{SE}/Link"))
    await session.end()


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
    for _ in range(5):
        # the last message is one, too; and this time it may have been shorter
        what = program.attempt() if not program.done else asks(b, struck)
        try:
            await b.unless(lambda: then and struck.is_set(), what)
        except (DmError, Struck):
            pass
        if struck.is_set() and then == "semd":
            await b.thread(semd.wait)
            await b.start_semd()
        elif struck.is_set() and then == "server":
            await b.server.restart()
        then = "" if struck.is_set() else then
        program.hear()
        if program.done and struck.is_set():
            break
    need(program.done and struck.is_set(), "the program comes to its end, and is struck",
         (program.done, struck.is_set()))
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
                n = await b.settled()
                await b.restart(sig)
                for wrapped in (dm_auth.push(package), package):
                    dm_auth.send_udp(b.udp, wrapped)
                if await b.settled() != n:
                    wrong.append("a notification of before the restart was followed")
                session = await b.session()
                man, = await session.run(get("./DevInfo/Man"))
                heads = [c.code for c in session.messages[-1].named("Status") if c.cmd == "SyncHdr"]
                if len(session.messages) != 2 or heads != [212] or man.code != 200:
                    wrong.append(f"{len(session.messages)} messages, {heads}: a nonce was lost")
                await session.end()
                await b.settled()
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
        for i in sorted({2 + p % (chunks - 1) for p in points(chunks)})[::max(1, chunks // 6)]:
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
    while semd.poll() is None and not await b.calm():
        pass    # it keeps what the last message said
    os.unlink(go)
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
            await b.settled()
            await b.thread(b.stack.stop_semd, signal.SIGTERM)
            disk.settle()
            await b.start_semd()
            wrong, tried, began, k, number, over = [], 0, time.monotonic(), 1, 0, 0
            step = min(points.every, 3)     # there are not many
            k += rng.randrange(step)
            while over < 2 and k < 2000:    # one with Add, one with Delete
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


PARTS = {"messages": messages, "apdus": dm_kill_card.apdus, "card": dm_kill_card.card,
         "tree": tree, "notify": notify, "large": large}


async def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--every", type=int, default=1, metavar="N")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("parts", nargs="*", choices=[[], *PARTS][1:] or None)
    args = p.parse_args()
    print(f"# seed {args.seed}", flush=True)

    async def part(name):
        began = time.monotonic()
        await PARTS[name](Points(args.every, random.Random(f"{args.seed} {name}")))
        print(f"# {name}: {time.monotonic() - began:.1f} s", flush=True)
    # each has a device of its own, and mostly waits for it; but tree's environment is for all
    # that is started in that time
    parts = set(args.parts or PARTS)
    await asyncio.gather(*(part(n) for n in PARTS if n in parts - {"tree"}))
    for name in parts & {"tree"}:
        await part(name)
    return tap.done()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
