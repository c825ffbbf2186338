#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input over LwM2M, and a world that breaks: each ends in a clear error,
nothing is lost and nothing runs twice. The software SE's own APDU log is the
witness. Prints TAP; run inside the Debian 13 root.

    bad-input.py [NAME…]     only the named tests
"""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import aiocoap  # noqa: E402
import codec  # noqa: E402
import gp  # noqa: E402
import script  # noqa: E402
from aiocoap.numbers.codes import DELETE, GET, POST, PUT  # noqa: E402
from lwm2m_server import LwM2MError, Server  # noqa: E402
from rawcoap import RawServer, dotted  # noqa: E402
from stack import OUT, TOP, Stack, free_port, wait_until  # noqa: E402
from tap import tap  # noqa: E402
from tlv import tlv  # noqa: E402

SE, SCRIPT = 26241, 26242
IDLE, QUEUED, RUNNING, DONE, FAILED, UNKNOWN = range(6)
FINAL = range(3, 8)
PROBE = gp.get_data(0x0066)     # a command that changes nothing
PROBE_HEAD = "80CA0066"
LONG = 2000     # commands of a script that is cut: far more than run until then


class Bench:
    """Stack and server together, with the steps that every test needs."""

    def __init__(self, settings=None, softse=(), folder=None):
        self.port = free_port()
        self.stack = Stack(f"coap://127.0.0.1:{self.port}", settings, folder)
        self.softse = softse

    async def __aenter__(self):
        self.server = await Server(port=self.port).start()
        self.stack.start_softse(*self.softse)
        self.stack.start_semd()
        self.client = await self.server.wait_for_client()
        return self

    async def __aexit__(self, kind, error, trace):
        # it takes leave, so the server has to be there
        status = await asyncio.to_thread(self.stack.stop)
        await self.server.stop()
        if kind is None:
            tap(status == 0, "semd ends with status 0 afterwards",
                "" if status == 0 else str(status))
        if kind is not None or status != 0:
            for line in self.stack.text("semd.log").splitlines()[-40:]:
                print(f"# semd: {line}")
        self.stack.remove()

    async def instance(self, aid=b"", **more):
        _, n = await self.server.create(self.client, SCRIPT, {
            0: f"{SE}:0", 1: aid, **{int(k[1:]): v for k, v in more.items()}})
        return n

    async def value(self, n, rid):
        _, v = await self.server.read_value(self.client, (SCRIPT, n, rid))
        return v

    async def wait_final(self, n, seconds=60):
        end = time.monotonic() + seconds
        while (state := await self.value(n, 4)) not in FINAL:
            if time.monotonic() > end:
                raise AssertionError(f"state still {state} after {seconds} s")
            await asyncio.sleep(0.05)
        return state

    async def give(self, n, body):
        """Write and Run: (code and diagnostic of a refusal) or None."""
        try:
            await self.server.write(self.client, (SCRIPT, n, 2), body)
            await self.server.execute(self.client, (SCRIPT, n, 3))
        except LwM2MError as e:
            return f"{e.exchange.verb} {e.exchange.path} {e.code} {e.diagnostic!r}"
        return None

    async def outcome(self, n, body):
        """(state, result code, words) of a script; a refusal counts as FAILED."""
        refused = await self.give(n, body)
        if refused:
            return FAILED, "refused", refused
        state = await self.wait_final(n)
        return state, await self.value(n, 8), await self.value(n, 9)

    async def works(self, what):
        """A good script still runs to its end."""
        n = await self.instance()
        state, code, words = await self.outcome(n, script.command_script([PROBE] * 3))
        ran = script.parse_response(await self.value(n, 7)).executed if state == DONE else 0
        tap(ran == 3, f"{what}: a good script runs", f"{code} {words}")
        await self.server.execute(self.client, (SCRIPT, n, 11))
        await self.server.delete(self.client, (SCRIPT, n))


async def scripts():
    good = script.command_script([PROBE, PROBE])
    cases = [
        ("a script that is cut short", good[:-3]),
        ("a script whose length lies", bytes([0xAA, len(good) + 20]) + good[2:]),
        ("an indefinite script without end", script.command_script([PROBE], indefinite=True)[:-2]),
        ("an unknown TLV", script.command_script([PROBE], raw=tlv(0x5F2A, b"x"))),
        ("a tag that begins no script", b"\xa5" + good[1:]),
        ("a C-APDU of three bytes", script.command_script([PROBE], raw=tlv(0x22, PROBE[:3]))),
        ("a C-APDU whose Lc lies",
         script.command_script([PROBE], raw=tlv(0x22, bytes.fromhex("80E2000009AABB")))),
        ("an empty script", b""),
        ("noise", random.Random(5).randbytes(5000)),
    ]
    async with Bench() as b:
        for name, body in cases:
            n = await b.instance()
            before = b.stack.executed(PROBE_HEAD)
            state, code, words = await b.outcome(n, body)
            ran = b.stack.executed(PROBE_HEAD) - before
            told = await b.value(n, 5)
            tap(state == FAILED and len(words) > 15 and ran == 0 == told, name,
                f"{code}: {words} ({ran} APDUs ran)")
            if state in FINAL and code != "refused":
                await b.server.execute(b.client, (SCRIPT, n, 11))
            await b.server.delete(b.client, (SCRIPT, n))
        n = await b.instance(aid=bytes.fromhex("A0000001510000FFFF"))
        before = b.stack.executed(PROBE_HEAD)
        state, code, words = await b.outcome(n, good)
        tap(state == FAILED and code == "no-application"
            and b.stack.executed(PROBE_HEAD) == before, "an AID that is not there",
            f"{code}: {words}")
        n = await b.instance()
        state, code, words = await b.outcome(
            n, script.command_script([PROBE, gp.get_data(0x7F7F), PROBE]))
        r = script.parse_response(await b.value(n, 7))
        tap(state in (DONE, FAILED) and r.executed == 2 and await b.value(n, 5) == 2
            and await b.value(n, 6) == 3, "a command that the SE refuses ends the script",
            f"{code}: {words}; 2 of 3 ran, SW {await b.value(n, 14):04X}")
        await b.works("after all that")


async def requests():
    """Requests that make no sense, one after the other."""
    async with Bench() as b:
        n = await b.instance()
        ask = b.server.request
        cases = [
            ("Write of a read-only resource", PUT, (SE, 0, 0), b"x", codec.TEXT, "4.05"),
            ("Execute of what has a value", POST, (SE, 0, 0), b"", None, "4.05"),
            ("Read of a write-only resource", GET, (SCRIPT, n, 2), b"", None, "4.05"),
            ("Write of text into an integer", PUT, (SCRIPT, n, 13), b"soon", codec.TEXT, "4.00"),
            ("Write of a number out of range", PUT, (SCRIPT, n, 13), b"-1", codec.TEXT, "4.00"),
            ("Write of a broken TLV", POST, (SCRIPT, n), b"\xc8\x0d\xff\x01", codec.TLV, "4.00"),
            ("Write of broken SenML", POST, (SCRIPT, n), b"\x81\xa1", codec.SENML_CBOR, "4.00"),
            ("Write of an AID of three bytes", PUT, (SCRIPT, n, 1), b"abc", codec.OPAQUE, "4.00"),
            ("Write of a link to no SE", PUT, (SCRIPT, n, 0), b"26241:9", codec.TEXT, "4.0"),
            ("a content format that there is not", PUT, (SCRIPT, n, 13), b"1", 9999, "4.15"),
            ("Run without a script", POST, (SCRIPT, n, 3), b"", None, "4.0"),
            ("an object that there is not", GET, (4711,), b"", None, "4.04"),
            ("Create of the SE", POST, (SE,), b"", codec.TLV, "4.05"),
            ("Delete of the SE", DELETE, (SE, 0), b"", None, "4.05"),
        ]
        for name, code, path, payload, cf, want in cases:
            try:
                ex, _ = await ask(b.client, code, path, payload, cf)
                tap(False, name, f"accepted with {ex.code}")
            except LwM2MError as e:
                tap(e.code.startswith(want), name, f"{e.code} {e.diagnostic!r}")
        await b.works("after all that")


async def se_gone():
    async with Bench(softse=("--work-ms=40",)) as b:
        n = await b.instance()
        await b.give(n, script.command_script([PROBE] * LONG))
        wait_until(lambda: b.stack.executed(PROBE_HEAD) >= 8, 60, "8 APDUs")
        b.stack.stop_softse(signal.SIGKILL)
        state = await b.wait_final(n)
        code, words = await b.value(n, 8), await b.value(n, 9)
        told, ran = await b.value(n, 5), b.stack.executed(PROBE_HEAD)
        interrupted = await b.value(n, 16)
        right = (state == UNKNOWN and interrupted == 2 and told <= ran <= told + 1) or \
            (state == FAILED and told == ran)
        tap(right, "the SE goes away in mid-script",
            f"{code}: {words}; told {told}, the SE saw {ran}, state {state}")
        r = script.parse_response(await b.value(n, 7))
        tap(r.executed == told == len(r.rapdus), "its answers so far are kept",
            f"{len(r.rapdus)} R-APDUs")
        b.stack.start_softse()
        await b.server.execute(b.client, (SCRIPT, n, 11))
        for _ in range(240):
            n = await b.instance()
            state, code, words = await b.outcome(n, script.command_script([PROBE]))
            if state == DONE:
                break
            if code != "refused":
                await b.server.execute(b.client, (SCRIPT, n, 11))
            await b.server.delete(b.client, (SCRIPT, n))
            await asyncio.sleep(0.25)
        tap(state == DONE, "the SE that came back serves again", f"{code} {words}")
        seen = b.stack.executed(PROBE_HEAD)
        tap(seen == ran + 1, "and nothing was resumed by itself",
            f"the SE saw {ran} before it went, {seen} now")


async def dialogues():
    """Cancel, deadline, a lost channel, and semd killed in mid-script."""
    async with Bench(softse=("--work-ms=40",)) as b:
        run = lambda n: b.server.execute(b.client, (SCRIPT, n, 3))  # noqa: E731
        ran = lambda: b.stack.executed(PROBE_HEAD)  # noqa: E731

        async def refused(text, coroutine):
            try:
                await coroutine
                tap(False, text, "accepted")
            except LwM2MError as e:
                tap(e.code == "4.05", text, f"{e.code} {e.diagnostic!r}")

        n = await b.instance()
        before = ran()
        await b.give(n, script.command_script([PROBE] * LONG))
        wait_until(lambda: ran() - before >= 3, 60, "3 APDUs")
        await refused("Run while it runs", run(n))
        await refused("Write of a script while it runs",
                      b.server.write(b.client, (SCRIPT, n, 2), script.command_script([PROBE])))
        await refused("Delete while it runs", b.server.delete(b.client, (SCRIPT, n)))
        await refused("Clear while it runs", b.server.execute(b.client, (SCRIPT, n, 11)))
        await b.server.execute(b.client, (SCRIPT, n, 10))
        state, told = await b.wait_final(n), await b.value(n, 5)
        tap(state == 6 and told == ran() - before < LONG, "Cancel",
            f"{await b.value(n, 8)}: {await b.value(n, 9)}; told {told}, "
            f"the SE saw {ran() - before}")
        await b.server.execute(b.client, (SCRIPT, n, 11))

        await b.server.write(b.client, (SCRIPT, n, 13), 1)
        before = ran()
        await b.give(n, script.command_script([PROBE] * LONG))
        state, told = await b.wait_final(n), await b.value(n, 5)
        # "unknown" outranks "expired": the deadline may pass while an APDU is out.
        cut = await b.value(n, 16)
        tap(told == ran() - before if state == 7 else
            state == UNKNOWN and cut == 2 and told <= ran() - before <= told + 1,
            "a deadline", f"{await b.value(n, 8)}: {await b.value(n, 9)}; told {told}, "
            f"the SE saw {ran() - before}")
        await b.server.execute(b.client, (SCRIPT, n, 11))
        await b.server.delete(b.client, (SCRIPT, n))

        n = await b.instance(_12=True)
        state, code, _ = await b.outcome(n, script.command_script([PROBE]))
        await b.server.execute(b.client, (SCRIPT, n, 11))
        b.stack.stop_softse(signal.SIGKILL)
        b.stack.start_softse("--work-ms=40")
        before = ran()
        state, code, words = await b.outcome(n, script.command_script([PROBE]))
        tap(state == FAILED and ran() == before, "a kept channel that was lost",
            f"{code}: {words}; {ran() - before} APDUs ran")
        if code != "refused":
            await b.server.execute(b.client, (SCRIPT, n, 11))
        state, code, words = await b.outcome(n, script.command_script([PROBE]))
        tap(state == DONE and ran() == before + 1, "the next run starts on a new one",
            f"{code} {words}")
        await b.server.execute(b.client, (SCRIPT, n, 11))

        before = ran()
        await b.give(n, script.command_script([PROBE] * LONG))
        wait_until(lambda: ran() - before >= 20, 60, "20 APDUs")
        b.stack.stop_semd(signal.SIGKILL)
        old, updates = b.client.registered, b.client.updates
        b.stack.start_semd()
        # it resumes its registration
        await b.server.wait_for(lambda s: any(c.registered > old or c.updates > updates
                                              for c in s.clients.values()), 60, "an Update")
        b.client = await b.server.wait_for_client()
        state, told = await b.value(n, 4), await b.value(n, 5)
        left = ran() - before
        exact = state == FAILED and told == left or \
            state == UNKNOWN and told <= left <= told + 1 and await b.value(n, 16) == 2
        tap(exact, "kill -9 of semd in mid-script",
            f"{await b.value(n, 8)}: {await b.value(n, 9)}; told {told}, the SE saw {left}")
        r = script.parse_response(await b.value(n, 7))
        tap(r.executed == told == len(r.rapdus), "its answers so far are kept",
            f"{len(r.rapdus)} R-APDUs")
        await b.server.execute(b.client, (SCRIPT, n, 11))
        await b.works("after all that")
        tap(ran() - before == left + 3, "and nothing was resumed",
            f"{ran() - before - left} more in the SE's log")


def raw_bench(settings=None, softse=()):
    """Stack and a server at datagram level, one instance created."""
    raw = RawServer(free_port())
    stack = Stack(f"coap://127.0.0.1:{raw.port}", settings)
    stack.start_softse(*softse)
    stack.start_semd()
    raw.wait_for_registration(60)
    return raw, stack


def raw_create(raw):
    m = raw.request(POST, (SCRIPT,), codec.encode_resources_tlv(SCRIPT, {0: f"{SE}:0", 1: b""}),
                    content_format=codec.TLV)
    assert dotted(m.code) == "2.01", f"Create: {dotted(m.code)} {m.payload}"
    return int(m.opt.location_path[-1])


def raw_read(raw, *path):
    m = raw.request(GET, path, accept=codec.TEXT)
    assert m.code.is_successful(), f"Read {path}: {dotted(m.code)} {m.payload}"
    return m.payload.decode()


def raw_final(raw, n, seconds=60):
    end = time.monotonic() + seconds
    while int(state := raw_read(raw, SCRIPT, n, 4)) not in FINAL:
        assert time.monotonic() < end, f"state still {state} after {seconds} s"
        time.sleep(0.05)
    return int(state)


def raw_end(raw, stack, failed):
    raw.close()
    status = stack.stop()
    if not failed:
        tap(status == 0, "semd ends with status 0 afterwards",
            "" if status == 0 else str(status))
    if failed or status != 0:
        for line in stack.text("semd.log").splitlines()[-40:]:
            print(f"# semd: {line}")
    stack.remove()


def duplicates():
    raw, stack = raw_bench(softse=("--work-ms=150",))
    failed = True
    try:
        n = raw_create(raw)
        raw.request(PUT, (SCRIPT, n, 2), script.command_script([PROBE]), content_format=codec.OPAQUE)
        before = stack.executed(PROBE_HEAD)
        run = raw.build(POST, (SCRIPT, n, 3))
        for _ in range(3):
            raw.send(run)
        got = [dotted(m.code) for m in raw.answers(run, 60, enough=3)]
        tap(got == ["2.04"] * 3, "an Execute that the network triples is answered alike", " ".join(got))
        state = raw_final(raw, n)
        raw.send(run)
        late = [dotted(m.code) for m in raw.answers(run, 60)]
        tap(late == ["2.04"], "so is a copy that comes after the end", " ".join(late))
        ran = stack.executed(PROBE_HEAD) - before
        tap(ran == 1 and state == DONE, "it ran once", f"{ran} in the SE's log")
        # A copy that arrives when semd has been killed and started anew
        stack.stop_semd(signal.SIGKILL)
        raw.registrations = raw.updates = 0
        stack.start_semd()
        raw.wait_for_registration(60, resumed=True)
        raw.send(run)
        again = [f"{dotted(m.code)} {m.payload.decode()}".strip() for m in raw.answers(run, 60)]
        raw_final(raw, n)
        ran = stack.executed(PROBE_HEAD) - before
        tap(ran == 1, "nor does a copy that meets a restarted semd run",
            f"{again}, {ran} in the SE's log")
        failed = False
    finally:
        raw_end(raw, stack, failed)


def blocks():
    raw, stack = raw_bench()
    failed = True
    try:
        n = raw_create(raw)
        old = script.command_script([gp.get_data(0x0042)] * 30)
        new = script.command_script([PROBE] * 25)

        def put(body, num, size=64, **kw):
            part = body[num * size:(num + 1) * size]
            more = (num + 1) * size < len(body)
            return raw.request(PUT, (SCRIPT, n, 2), part, content_format=codec.OPAQUE,
                               block1=(num, more, {16: 0, 32: 1, 64: 2}[size]), **kw)

        codes = [dotted(put(old, i).code) for i in range(3)]
        codes += [dotted(put(new, i).code) for i in range(-(-len(new) // 64))]
        tap(codes[:-1] == ["2.31"] * (len(codes) - 1) and codes[-1] == "2.04",
            "a Block1 transfer that restarts", " ".join(codes))
        raw.request(POST, (SCRIPT, n, 3))
        state = raw_final(raw, n)
        counts = stack.executed("80CA0042"), stack.executed(PROBE_HEAD)
        told = raw_read(raw, SCRIPT, n, 6)
        tap(state == DONE and told == "25", "only the second transfer counts",
            f"total {told}; the SE saw {counts[1]} of the new, {counts[0]} of the old")
        raw.request(POST, (SCRIPT, n, 11))
        first = dotted(put(old, 0).code)
        gap = put(old, 2)
        tap((first, dotted(gap.code)) == ("2.31", "4.08"), "a block that is missing",
            f"{dotted(gap.code)} {gap.payload.decode(errors='replace')!r}")
        refused = raw.request(POST, (SCRIPT, n, 3))
        tap(not refused.code.is_successful(), "half a script does not run",
            f"{dotted(refused.code)} {refused.payload.decode(errors='replace')!r}")
        again = put(old, 0), put(old, 0)
        tap([dotted(m.code) for m in again] == ["2.31"] * 2, "the first block twice", "")
        failed = False
    finally:
        raw_end(raw, stack, failed)


def noise():
    raw, stack = raw_bench()
    failed = True
    try:
        rng = random.Random(7)
        good = raw.build(GET, (SE, 0, 0)).encode()
        for i in range(400):
            if i % 2:
                data = bytearray(good)
                for _ in range(rng.randint(1, 4)):
                    data[rng.randrange(len(data))] = rng.randrange(256)
                data = bytes(data[:rng.randint(0, len(data))])
            else:
                data = rng.randbytes(rng.randint(0, 80))
            raw.sock.sendto(data, raw.client)
        time.sleep(0.3)
        while raw.receive(0.2):
            pass
        value = raw_read(raw, SE, 0, 0)
        tap(value == "se0" and stack.semd.poll() is None, "400 datagrams of noise",
            f"semd still answers {value}")
        failed = False
    finally:
        raw_end(raw, stack, failed)


def server_vanishes():
    raw, stack = raw_bench({"server.lifetime": "20"}, softse=("--work-ms=40",))
    failed = True
    try:
        n = raw_create(raw)
        raw.request(PUT, (SCRIPT, n, 2), script.command_script([PROBE] * 50),
                    content_format=codec.OPAQUE)
        raw.request(GET, (SCRIPT, n, 4), observe=0)
        before = stack.executed(PROBE_HEAD)
        raw.request(POST, (SCRIPT, n, 3))
        raw.close()
        wait_until(lambda: stack.executed(PROBE_HEAD) - before >= 50, 60, "50 APDUs")
        tap(True, "a server that vanishes: the job goes on without it", "50 APDUs ran")
        time.sleep(2)
        raw.open()
        raw.registrations = 0
        began = time.monotonic()
        # The server that returns has forgotten everybody: 4.04 to an Update.
        while not raw.registrations:
            got = raw.receive(1)
            if time.monotonic() - began > 180:
                raise AssertionError("no registration within 180 s after the server returned")
            if got is None:
                continue
            m, _, address = got
            if m.code == POST and len(m.opt.uri_path) > 1:
                raw.reply(m, address, aiocoap.NOT_FOUND)
            elif not raw.serve(m, address) and m.mtype == aiocoap.CON:
                raw.sock.sendto(aiocoap.Message(code=aiocoap.EMPTY, mtype=aiocoap.RST, mid=m.mid,
                                                token=b"").encode(), address)
        tap(True, "the server returns, and the device registers again",
            f"after {time.monotonic() - began:.1f} s")
        state = raw_final(raw, n)
        told = raw_read(raw, SCRIPT, n, 5)
        ran = stack.executed(PROBE_HEAD) - before
        tap(state == DONE and told == "50" and ran == 50, "the result has waited for it",
            f"{told} of 50, the SE saw {ran}")
        failed = False
    finally:
        raw_end(raw, stack, failed)


async def disk_full(folder=None):
    if folder is None:
        # Again, with a small file system under the state directory
        place = tempfile.mkdtemp(prefix="stack-")
        os.mkdir(os.path.join(place, "state"))
        inner = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
             'mount -t tmpfs -o size=24m,mode=700 tmpfs "$1/state" && exec "$2" "$3" --disk-full "$1" "$4"',
             "sh", place, sys.executable, os.path.abspath(__file__), str(tap.n)],
            check=False, capture_output=True, text=True)
        lines = [x for x in inner.stdout.splitlines() if x.startswith(("ok", "not ok", "#"))]
        if not any(x.startswith(("ok", "not ok")) for x in lines):
            tap(False, "a full disk under the journal",
                (inner.stderr or inner.stdout or "no output").strip().splitlines()[-1])
            return
        print("\n".join(lines), flush=True)
        tap.n += sum(x.startswith(("ok", "not ok")) for x in lines)
        tap.failed += sum(x.startswith("not ok") for x in lines)
        if inner.returncode and not any(x.startswith("not ok") for x in lines):
            tap(False, "a full disk under the journal", inner.stderr.strip()[-200:])
        return
    async with Bench(folder=folder) as b:
        await b.works("with room on the disk")
        n = await b.instance()
        filler = os.path.join(b.stack.state_dir, "filler")
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        before = b.stack.executed(PROBE_HEAD)
        refused = await b.give(n, script.command_script([PROBE] * 30000))
        ran = b.stack.executed(PROBE_HEAD) - before
        tap(refused is not None and ran == 0, "a full disk under the journal: a long script",
            f"{refused}; {ran} APDUs ran")
        refused = await b.give(n, script.command_script([PROBE] * 4))
        if refused is None:
            # What is reserved beforehand may carry a short one; then it must be exact.
            state = await b.wait_final(n)
            told, ran = await b.value(n, 5), b.stack.executed(PROBE_HEAD) - before
            words = f"state {state}, {await b.value(n, 8)}: {await b.value(n, 9)}; told {told}, ran {ran}"
            tap(told == ran, "a short script: the journal is exact", words)
        else:
            ran = b.stack.executed(PROBE_HEAD) - before
            tap(ran == 0, "a short script is refused", f"{refused}; {ran} APDUs ran")
        _, name = await b.server.read_value(b.client, (SE, 0, 0))
        tap(name == "se0", "semd serves on", f"Read /26241/0/0 = {name}")
        os.unlink(filler)
        await b.works("with room again")


def configuration():
    stack = Stack("coap://127.0.0.1:5683")
    stack.write_config()
    with open(stack.config, encoding="utf-8") as f:
        good = f.read()
    semd = os.path.join(OUT, "semd")

    def run(text):
        with open(stack.config, "w", encoding="utf-8") as f:
            f.write(text)
        return subprocess.run([semd, "--check", f"--config={stack.config}"], check=False, text=True,
                              capture_output=True, timeout=60)

    done = run(good)
    tap(done.returncode == 0, "semd --check accepts a good configuration",
        (done.stderr or done.stdout).strip())
    cases = [
        ("an unknown key", "[semd]\nstate_dir=/tmp/x\ncolour=blue\n", 3),
        ("an unknown section", "[semd]\nstate_dir=/tmp/x\n\n[kitchen]\n", 4),
        ("a line that is neither", "[semd]\nstate_dir=/tmp/x\nhello\n", 3),
        ("a number that is none", good.replace("lifetime=300", "lifetime=soon"), None),
        ("a URI of a scheme that there is not",
         good.replace("uri=coap://", "uri=gopher://"), None),
        ("a key before any section", "state_dir=/tmp/x\n", 1),
        ("an SE without open=", good.replace(f"open=socket:{stack.socket}\n", ""), None),
        ("a pre-shared key file that is not there",
         good.replace("uri=coap://", "uri=coaps://").replace(
             "ssid=101", "ssid=101\npsk_identity=me\npsk_file=/nonexistent/key"), None),
    ]
    for name, text, line in cases:
        done = run(text)
        said = (done.stderr + done.stdout).strip()
        place = f"{stack.config}:{line}" if line else f"{stack.config}:"
        # What is unknown is warned of and passed over, so that a newer file serves too.
        status = 0 if name.startswith("an unknown") else 1
        tap(done.returncode == status and place in said, f"configuration: {name}",
            said.replace(stack.folder + "/", "").splitlines()[0] if said else "(silence)")
    documented(run)
    stack.remove()


def documented(run):
    """The man page and the sample have the keys of OMA DM that semd knows, and no other."""
    with open(os.path.join(TOP, "Documentation/man/semd.conf.5"), encoding="utf-8") as f:
        man = dict(re.findall(r"^\.SS \[(.+?)\]\n(.*?)(?=^\.S[SH] )", f.read(), re.M | re.S))
    with open(os.path.join(TOP, "daemon/semd/semd.conf"), encoding="utf-8") as f:
        sample = dict(re.findall(r"^#\[(dm\b.*?)\]\n(.*?)(?=^#\[|\Z)", f.read(), re.M | re.S))
    for section, there in (("dm", sample["dm"]), ("dm NAME", sample["dm operator"])):
        said = run(f"[{section}]\ncolour=blue\n").stderr
        known = set(re.search(r"'colour'.*known: (.*)", said)[1].split(", "))
        heads = "\n".join(re.findall(r"^\.TP\n\.BR? (.*)", man[section], re.M))
        for where, has in (("man page", set(re.findall(r"(\w+)=", heads))),
                           ("sample", set(re.findall(r"^#(\w+)=", there, re.M)))):
            tap(has == known, f"[{section}] in the {where}: each key, no other",
                ", ".join(sorted(has ^ known)))


def without_dm():
    """Who asks for OMA DM where there is none is told that."""
    stack = Stack(None).start()
    address = stack.path("run/io.sesame.Manager")
    wait_until(lambda: os.path.exists(address), 60, "semd's socket")
    for words in (["session", "main"], ["tree"], ["notify", stack.config]):
        done = subprocess.run([os.path.join(OUT, "sectl"), "--socket", address, "dm", *words],
                              check=False, text=True, capture_output=True, timeout=60)
        tap(done.returncode == 3 and "no [dm] in semd's configuration" in done.stderr,
            f"sectl dm {words[0]} without [dm]", done.stderr.split("\n")[0])
    tap(stack.stop() == 0, "semd ends with status 0")
    stack.remove()


TESTS = {"scripts": scripts, "requests": requests, "se-gone": se_gone,
         "dialogues": dialogues, "duplicates": duplicates,
         "blocks": blocks, "noise": noise, "vanish": server_vanishes, "disk-full": disk_full,
         "config": configuration, "without-dm": without_dm}


def run_test(name, *args):
    """One test; an exception is its failure, not that of the rest."""
    try:
        result = TESTS[name](*args)
        if asyncio.iscoroutine(result):
            asyncio.run(result)
    except (AssertionError, LwM2MError, codec.CodecError, aiocoap.error.Error, ValueError,
            TimeoutError, OSError) as e:
        tap(False, name, f"{type(e).__name__}: {e}".splitlines()[0])


def main():
    if sys.argv[1:2] == ["--disk-full"]:
        tap.n = int(sys.argv[3])
        run_test("disk-full", sys.argv[2])
        return 1 if tap.failed else 0
    for name in sys.argv[1:] or TESTS:
        if name not in TESTS:
            print(f"no test {name!r}; there are: {' '.join(TESTS)}", file=sys.stderr)
            return 2
        run_test(name)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
