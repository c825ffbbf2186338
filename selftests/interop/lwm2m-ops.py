#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""semd and an LwM2M server on aiocoap: versions, every payload format, Discover,
attributes and notifications, composite operations, block sizes, de-registration.
Prints TAP; run inside the Debian 13 root.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import aiocoap  # noqa: E402
import codec  # noqa: E402
import gp  # noqa: E402
import script  # noqa: E402
from aiocoap.numbers.codes import GET  # noqa: E402
from lwm2m_server import LwM2MError, Server  # noqa: E402
from stack import OUT, Stack, free_port  # noqa: E402
from tap import tap  # noqa: E402

SE, SCRIPT = 26241, 26242
# the formats that hold more than one value
WHOLE = (codec.TLV, codec.SENML_CBOR, codec.SENML_JSON, codec.LWM2M_JSON, codec.LWM2M_CBOR)


class Bench:
    """Server, stack and registered client; ends with a de-registration."""

    def __init__(self, versions=("1.0", "1.1"), settings=None):
        self.port = free_port()
        self.server = Server(port=self.port, versions=versions)
        self.stack = Stack(f"coap://127.0.0.1:{self.port}", settings)

    async def __aenter__(self):
        await self.server.start()
        self.stack.start()
        self.client = await self.server.wait_for_client()
        # so that semd has the answer to its registration, too
        await self.server.read(self.client, (SE, 0, 0))
        return self

    async def __aexit__(self, kind, error, trace):
        loop = asyncio.get_running_loop()
        status = await loop.run_in_executor(None, self.stack.stop)
        try:
            await self.server.wait_for(lambda s: not s.clients, 60, "De-register")
            gone = "gone"
        except TimeoutError as e:
            gone = str(e)
        await self.server.stop()
        if kind is None:
            tap(status == 0 and gone == "gone", "de-registration at the end",
                f"status {status}, {gone}")
        if kind is not None or status != 0:
            for line in self.stack.text("semd.log").splitlines()[-30:]:
                print(f"# semd: {line}")
        self.stack.remove()

    def sectl(self, *words):
        """What the administrator gets."""
        return subprocess.run(
            [os.path.join(OUT, "sectl"), f"--socket={self.stack.path('run/io.sesame.Manager')}",
             *words], capture_output=True, text=True, timeout=120, check=False)


async def versions():
    async with Bench(versions=("1.0",)) as b:
        tap(b.server.refused == [("sesame-test", "1.2"), ("sesame-test", "1.1")]
            and b.client.version == "1.0",
            "a server of 1.0 refuses 1.2 and 1.1 by 4.12: semd steps down", f"LwM2M {b.client.version}")
        _, values = await b.server.read(b.client, (SE, 0))
        tap(values[(SE, 0, 0)] == "se0", "Read without Accept in 1.0: TLV")
    async with Bench(settings={"server.version": "1.0"}) as b:
        tap(b.client.version == "1.0" and not b.server.refused, "version=1.0 asks for no more")


async def formats():
    async with Bench() as b:
        s, c = b.server, b.client
        tap(c.version == "1.1", "registration as LwM2M 1.1", f"binding {c.binding}")
        targets = [t for t, _ in c.links]
        tap({"/1/0", "/3/0", "/26241/0"} <= set(targets) and not any(
            t.startswith("/0") for t in targets), "the object list", " ".join(targets))
        same = []
        for accept in WHOLE:
            _, values = await s.read(c, (SE, 0), accept=accept)
            same.append({k: v for k, v in values.items() if k[2] not in (3,)})
        tap(all(v == same[0] for v in same) and len(same[0]) >= 7,
            "Read of an instance: " + ", ".join(codec.NAMES[a] for a in WHOLE) + " agree",
            f"{len(same[0])} resources")
        for path, accept, want in (((SE, 0, 0), codec.TEXT, "se0"), ((SE, 0, 0), codec.CBOR, "se0"),
                                   ((SE, 0, 0), codec.TLV, "se0"),
                                   *(((SE, 0, 0), f, "se0") for f in WHOLE[1:]),
                                   *(((3, 0, 11), f, {0: 0}) for f in WHOLE)):
            try:
                _, value = await s.read_value(c, path, accept=accept)
                tap(value == want, f"Read of {path} as {codec.NAMES[accept]}", repr(value))
            except (LwM2MError, codec.CodecError) as e:
                tap(False, f"Read of {path} as {codec.NAMES[accept]}", str(e))
        _, whole = await s.read(c, (SE,), accept=codec.TLV)
        tap((SE, 0, 0) in whole, "Read of an object")
        _, number = await s.create(c, SCRIPT, {0: f"{SE}:0", 1: gp.ISD, 12: True},
                                   instance=9, content_format=codec.SENML_CBOR)
        _, values = await s.read(c, (SCRIPT, number), accept=codec.TLV)
        tap((values[(SCRIPT, number, 1)], values[(SCRIPT, number, 12)]) == (gp.ISD, True),
            "Create by SenML-CBOR", f"instance {number}")
        for cf in (*WHOLE, codec.TEXT, codec.CBOR):
            await s.write(c, (SCRIPT, number, 13), 1000 + cf, content_format=cf)
            _, value = await s.read_value(c, (SCRIPT, number, 13))
            tap(value == 1000 + cf, f"Write of an integer as {codec.NAMES[cf]}", str(value))
        await s.write_instance(c, (SCRIPT, number), {12: False, 13: 7})
        _, values = await s.read(c, (SCRIPT, number))
        tap((values[(SCRIPT, number, 12)], values[(SCRIPT, number, 13)],
             values[(SCRIPT, number, 1)]) == (False, 7, gp.ISD), "partial update by TLV")
        for cf in WHOLE:
            await s.write_instance(c, (SCRIPT, number), {12: cf % 2 == 0, 13: cf, 1: b"\xa0" * 7},
                                   content_format=cf)
            _, values = await s.read(c, (SCRIPT, number), accept=cf)
            tap([values[(SCRIPT, number, r)] for r in (12, 13, 1)] == [cf % 2 == 0, cf, b"\xa0" * 7],
                f"partial update as {codec.NAMES[cf]}")
        await s.write_instance(c, (SCRIPT, number), {1: gp.ISD})
        for depth, links in ((0, 1), (1, 2)):
            _, got = await s.discover(c, (SE,), depth=depth)
            tap(len(got) == links, f"Discover with depth={depth}", f"{len(got)} links")
        for path, some in (((SE,), f"/{SE}/0/11"), ((SE, 0), f"/{SE}/0/11"),
                           ((SE, 0, 7), f"/{SE}/0/7")):
            _, links = await s.discover(c, path)
            tap(some in [t for t, _ in links], f"Discover of {path}", f"{len(links)} links")
        # The blocks of an answer, in every size
        await s.write(c, (SCRIPT, number, 2), script.command_script([gp.get_data(0x66)] * 30))
        watch = await s.observe(c, (SCRIPT, number, 4))
        await s.execute(c, (SCRIPT, number, 3))
        await watch.until(lambda v: v == 3)
        watch.cancel()
        answers = []
        for exponent in range(7):
            m = s.message(c, GET, (SCRIPT, number, 7), accept=codec.OPAQUE)
            m.opt.block2 = (0, False, exponent)
            r = await s.answer(m)
            answers.append(r.payload)
        tap(len(set(answers)) == 1 and script.parse_response(answers[0]).executed == 30,
            "an answer in blocks of 16 to 1024 bytes", f"{len(answers[0])} bytes")
        await s.execute(c, (SCRIPT, number, 11))
        await s.delete(c, (SCRIPT, number))


async def notifications():
    async with Bench() as b:
        s, c = b.server, b.client
        _, number = await s.create(c, SCRIPT, {0: f"{SE}:0", 1: b""})
        watch = await s.observe(c, (SCRIPT, number, 13))
        await watch.next()
        await s.write(c, (SCRIPT, number, 13), 11)
        tap(await watch.next() == 11, "a change is notified")
        _, links = await s.discover(c, (SCRIPT, number, 13))
        await s.write_attributes(c, (SCRIPT, number, 13), pmin=2, pmax=4)
        _, links = await s.discover(c, (SCRIPT, number, 13))
        attrs = links[0][1]
        tap((attrs.get("pmin"), attrs.get("pmax")) == ("2", "4"),
            "Write-Attributes, and Discover tells them", str(attrs))
        # each is told after what began before it, however slow we are to hear of it
        began = time.monotonic()
        await s.write(c, (SCRIPT, number, 13), 12)
        await watch.until(lambda v: v == 12)
        second = time.monotonic()
        await s.write(c, (SCRIPT, number, 13), 13)
        value = await watch.until(lambda v: v == 13)
        took = time.monotonic() - began
        tap(took > 1.95, "pmin holds a notification back", f"{took:.1f} s")
        value = await watch.next()
        took = time.monotonic() - second
        tap(value == 13 and took > 3.95, "pmax repeats the value", f"{took:.1f} s")
        # gt: only crossings of a limit
        await s.write_attributes(c, (SCRIPT, number, 13), pmin=0, pmax=0)
        watch.cancel()
        await s.write_attributes(c, (SCRIPT, number, 13), gt=100)
        watch = await s.observe(c, (SCRIPT, number, 13))
        await watch.next()
        await s.write(c, (SCRIPT, number, 13), 50)
        await s.write(c, (SCRIPT, number, 13), 150)
        tap(await watch.next() == 150, "gt: silence below the limit, word beyond it")
        watch.cancel()
        for bad in ({"pmin": 5, "pmax": 2}, {"colour": 1}, {"pmin": "x"}):
            try:
                await s.write_attributes(c, (SCRIPT, number, 13), **bad)
                tap(False, f"Write-Attributes {bad} is refused", "accepted")
            except LwM2MError as e:
                tap(e.code == "4.00", f"Write-Attributes {bad} is refused", f"{e.code} {e.diagnostic}")


async def reset():
    async with Bench() as b:
        s, c = b.server, b.client
        _, before = await s.read_value(c, (SE, 0, 4))
        watch = await s.observe(c, (SE, 0, 4))
        await watch.next()
        # a dialogue, and a script that runs while the reset is asked for
        _, kept = await s.create(c, SCRIPT, {0: f"{SE}:0", 1: b"", 12: True})
        await s.write(c, (SCRIPT, kept, 2), script.command_script([gp.get_data(0x66)]))
        done = await s.observe(c, (SCRIPT, kept, 4))
        await s.execute(c, (SCRIPT, kept, 3))
        await done.until(lambda v: v == 3)
        await s.execute(c, (SCRIPT, kept, 11))
        await s.write(c, (SCRIPT, kept, 2), script.command_script([gp.get_data(0x66)]))
        _, busy = await s.create(c, SCRIPT, {0: f"{SE}:0", 1: b""})
        await s.write(c, (SCRIPT, busy, 2), script.command_script([gp.get_data(0x66)] * 200))
        ended = await s.observe(c, (SCRIPT, busy, 4))
        await s.execute(c, (SCRIPT, busy, 3))
        answer = await s.execute(c, (SE, 0, 8))
        tap(answer is None or not isinstance(answer, LwM2MError), "Reset is taken while a script runs")
        after = await watch.until(lambda v: v != before)
        _, why = await s.read_value(c, (SE, 0, 11))
        tap(after != before and why == "", "Generation moves", f"{before} to {after} {why}")
        value = await ended.until(lambda v: v >= 3)
        _, ran = await s.read_value(c, (SCRIPT, busy, 5))
        tap((value, ran) == (3, 200), "the script that ran came to its end first", f"{ran} APDUs")
        await s.execute(c, (SCRIPT, kept, 3))
        await done.until(lambda v: v == 4)
        _, code = await s.read_value(c, (SCRIPT, kept, 8))
        tap(code == "channel-lost", "what a script had left open is gone", code)
        ended.cancel()
        await s.execute(c, (SCRIPT, busy, 11))
        await s.write(c, (SCRIPT, busy, 2), script.command_script([gp.get_data(0x66)]))
        await s.execute(c, (SCRIPT, busy, 3))
        done.cancel()
        again = await s.observe(c, (SCRIPT, busy, 4))
        tap(await again.until(lambda v: v >= 3) == 3, "and the SE works as before")


async def composite():
    async with Bench() as b:
        s, c = b.server, b.client
        paths = [f"/{SE}/0/0", f"/{SE}/0/1", "/3/0/0", "/3/0/99"]
        _, number = await s.create(c, SCRIPT, {0: f"{SE}:0", 1: b""})
        for cf in (codec.SENML_CBOR, codec.SENML_JSON, codec.LWM2M_CBOR):
            ex, got = await s.read_composite(c, paths, cf)
            tap(got.get((SE, 0, 0)) == "se0" and (SE, 0, 1) in got and (3, 0, 99) not in got,
                f"Read-Composite as {codec.NAMES[cf]}", f"{ex.code} {len(got)} values")
            ex = await s.write_composite(c, {(SCRIPT, number, 13): cf, (SCRIPT, number, 12):
                                             cf % 2 == 0, (1, 0, 1): 600}, cf)
            _, values = await s.read(c, (SCRIPT, number))
            tap((values[(SCRIPT, number, 13)], values[(SCRIPT, number, 12)]) == (cf, cf % 2 == 0),
                f"Write-Composite as {codec.NAMES[cf]}", ex.code)
        ex, got = await s.read_composite(c, paths, codec.SENML_CBOR, accept=codec.SENML_JSON)
        tap(got.get((SE, 0, 0)) == "se0", "the answer to a Read-Composite in another format")
        for what, call in (("Read-Composite", s.read_composite(c, paths, codec.LWM2M_CBOR,
                                                               accept=codec.TLV)),
                           ("Write-Composite", s.write_composite(
                               c, {(SCRIPT, number, 13): 1}, codec.TLV))):
            try:
                await call
                tap(False, f"{what} in TLV is refused", "accepted")
            except LwM2MError as e:
                tap(e.code in ("4.06", "4.15"), f"{what} in TLV is refused", f"{e.code} {e.diagnostic}")


async def restarts():
    """kill -9: the registration, what was observed and the attributes are still there."""
    async with Bench() as b:
        s, c = b.server, b.client
        loop = asyncio.get_running_loop()
        watch = await s.observe(c, (SCRIPT, 0, 13), accept=codec.SENML_JSON)
        quiet = await s.observe(c, (SE, 0, 0))
        await watch.next(), await quiet.next()
        await s.write_attributes(c, (SCRIPT, 0, 13), pmin=1, hqmax=5)
        await s.write(c, (SCRIPT, 0, 13), 21)
        tap(await watch.next() == 21, "a notification before the end")
        for round in range(2):
            await s.read(c, (SE, 0, 0))  # the acknowledgement came before it
            await loop.run_in_executor(None, b.stack.stop_semd, signal.SIGKILL)
            updates = c.updates
            b.stack.start_semd()
            await s.wait_for(lambda s: c.updates > updates, 60, "an Update")
            tap(list(s.clients.values()) == [c], "killed: back by Update, not by Register",
                f"from {c.address}")
            for _ in range(2):  # what it has to tell, it would have told by now
                await s.read(c, (SE, 0, 0))
            tap(watch.queue.empty() and quiet.queue.empty(),
                "what was acknowledged is not told again")
            await s.write(c, (SCRIPT, 0, 13), 30 + round)
            tap(await watch.next() == 30 + round, "the observation goes on")
        _, links = await s.discover(c, (SCRIPT, 0, 13))
        attrs = links[0][1]
        tap((attrs.get("pmin"), attrs.get("hqmax")) == ("1", "5"), "attributes are still there",
            str(attrs))


async def sends():
    """Values unasked, at the owner's wish, until the server mutes them."""
    async with Bench() as b:
        s, c = b.server, b.client
        loop = asyncio.get_running_loop()

        def send(*words):
            p = b.sectl("server", "send", *words)
            return p.returncode, p.stderr.strip()

        _, generation = await s.read_value(c, (SE, 0, 4))
        status, why = await loop.run_in_executor(None, send, "test", f"/{SE}/0/0", f"/{SE}/0/4")
        await s.wait_for(lambda s: s.sent, 60, "Send")
        tap(status == 0 and s.sent[0] == ("sesame-test", {(SE, 0, 0): "se0",
                                                          (SE, 0, 4): generation}),
            "sectl server send", f"{s.sent[0][1]} {why}")
        status, why = await loop.run_in_executor(None, send, "test", f"/{SE}/9")
        tap(status != 0 and why != "", "nothing there to be sent", why)
        await s.write(c, (1, 0, 23), True)
        status, why = await loop.run_in_executor(None, send, "test", f"/{SE}/0/0")
        await s.read(c, (SE, 0, 0))  # what was sent would have come before it
        tap(status != 0 and "/1/0/23" in why and len(s.sent) == 1, "muted by the server", why)


def main():
    tests = {f.__name__: f for f in (versions, formats, notifications, reset, composite,
                                     restarts, sends)}
    for name in sys.argv[1:] or tests:
        try:
            asyncio.run(tests[name]())
        except (AssertionError, LwM2MError, codec.CodecError, aiocoap.error.Error, ValueError,
                KeyError, TimeoutError, OSError) as e:
            tap(False, name, f"{type(e).__name__}: {e}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
