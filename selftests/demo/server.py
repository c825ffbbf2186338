#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The management server of the demo.

Waits for a device to register, reads the identity of its secure element (SE),
opens a secure channel to the SE's issuer security domain (SCP03, level 33:
commands and answers encrypted and authenticated), and then loads and installs
an application, asks it, locks it, unlocks it, lists it and deletes it. The keys
stay here: the device passes protected scripts on and never sees inside.

Each step shows its CoAP exchanges, number of APDUs, status words and time.
The exit status is 0 only if every answer was verified.
"""

import argparse
import asyncio
import json
import os
import pathlib
import re
import sys
import time
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../server"))

import aiocoap.error  # noqa: E402
import codec  # noqa: E402
import gp  # noqa: E402
import script  # noqa: E402
from lwm2m_server import LwM2MError, Server, show  # noqa: E402
from scp03 import Keys, Scp03Error, Session  # noqa: E402
from tlv import TlvError, parse  # noqa: E402

SE, SCRIPT = 26241, 26242
STATES = ("idle", "queued", "running", "done", "failed", "unknown", "cancelled", "expired")
SE_STATES = ("off", "idle", "busy", "recovering", "dead")
FINAL = range(3, 8)
ELF = bytes.fromhex("F0534553414D4501")
MODULE = bytes.fromhex("F0534553414D450101")
APP = bytes.fromhex("F0534553414D450102")
# The key set that GlobalPlatform cards for development are delivered with
DEFAULT_KEY = bytes.fromhex("404142434445464748494A4B4C4D4E4F")


class Failed(Exception):
    """Something was not as it has to be: what, and what was expected."""


class Screen:
    """Aligned lines; colour and a running line only on a terminal."""

    def __init__(self, quiet):
        self.tty = sys.stdout.isatty()
        self.quiet = quiet

    def colour(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.tty else text

    def line(self, text=""):
        print("\r\x1b[K" * self.tty + text, flush=True)

    def running(self, text):
        if self.tty:
            print("\r\x1b[K" + text, end="", flush=True)

    def head(self):
        self.line(f" {'#':>2}  {'step':<46} {'APDUs':>5}  {'status words':<22} {'time':>8}")
        self.line("-" * 90)

    def step(self, n, name, apdus, sws, seconds, ok=True):
        count = str(apdus) if apdus else ""
        words = "  ".join(f"{k}×{v}" if v > 1 else k for k, v in Counter(sws).items())
        mark = self.colour("32", name) if ok else self.colour("31", name)
        self.line(f" {n:>2}  {mark}{' ' * max(0, 46 - len(name))} {count:>5}  {words:<22} "
                  f"{seconds * 1000:>5.0f} ms")

    def detail(self, text):
        if not self.quiet:
            self.line(self.colour("2", f"       {text}"))

    def table(self, title, rows):
        self.line()
        self.line(self.colour("1", f"     {title}"))
        head = ("kind", "AID", "state", "privileges", "load file")
        widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
        for r in [head, *rows]:
            self.line("       " + "  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip())
        self.line()


class Demo:
    """One run of the main job."""

    def __init__(self, args):
        self.args = args
        self.screen = Screen(args.quiet)
        self.server = Server(args.bind, args.port, log=self.log)
        self.steps = []
        self.lines = []
        self.client = None
        self.session = None
        self.total_apdus = 0
        self.macs = 0
        self.fallbacks = 0
        self.registry = {}

    # -- what is shown

    def log(self, kind, text):
        if kind == "notify":
            m = re.fullmatch(r"(/26242/\d+/4) = (\d)", text)
            if m:
                text = f"{m[1]:<12} {STATES[int(m[2])]}"
            # states that pass within one step share a line
            last = self.lines[-1] if self.lines else ""
            if m and last.startswith(f"NOTIFY   {m[1]}"):
                self.lines[-1] += f", {STATES[int(m[2])]}"
                return
            text = f"NOTIFY   {text}"
        self.lines.append(text)

    class Step:
        """Times one step and prints it at its end."""

        def __init__(self, demo, name):
            self.demo, self.name = demo, name
            self.apdus, self.sws, self.notes = 0, [], []

        def __enter__(self):
            self.began = time.monotonic()
            self.demo.lines = []
            self.demo.current = self
            self.demo.screen.running(f" {len(self.demo.steps) + 1:>2}  {self.name} …")
            return self

        def __exit__(self, kind, error, trace):
            d = self.demo
            seconds = time.monotonic() - self.began
            d.steps.append({"step": self.name, "ok": kind is None, "apdus": self.apdus,
                            "status_words": self.sws, "seconds": round(seconds, 4),
                            "exchanges": list(d.lines), "notes": list(self.notes)})
            d.screen.step(len(d.steps), self.name, self.apdus, self.sws, seconds, kind is None)
            for text in d.lines + self.notes:
                d.screen.detail(text)

        def note(self, text):
            self.notes.append(text)

    def step(self, name):
        return self.Step(self, name)

    # -- scripts

    async def create_instance(self, aid, keep):
        """A script instance of the device for one application; starts to watch
        its state."""
        settings = {0: f"{SE}:{self.se}", 1: aid, 12: keep, 13: self.args.deadline}
        try:
            _, number = await self.server.create(self.client, SCRIPT, settings)
        except LwM2MError as e:
            number = next((int(m[1]) for t, _ in self.client.links
                           if (m := re.fullmatch(rf"/{SCRIPT}/(\d+)", t))), None)
            if number is None or number in getattr(self, "watch", {}):
                raise
            self.current.note(f"no new instance ({e.code} {e.diagnostic}); {number} is used")
            await self.server.write_instance(self.client, (SCRIPT, number), settings)
        if number is None:
            raise Failed("Create gave no Location-Path: which instance is it?")
        self.watch = getattr(self, "watch", {})
        watch = await self.server.observe(self.client, (SCRIPT, number, 4))
        first = await watch.next(60)
        if first != 0:
            raise Failed(f"a new instance is {STATES[first]}, not idle")
        self.watch[number] = watch
        return number

    async def wait_state(self, number, test, what):
        """Waits for a notification of the state; asks only if none comes."""
        end = time.monotonic() + self.args.deadline + 10
        patience = self.args.patience
        while True:
            try:
                return await self.watch[number].until(test, patience)
            except TimeoutError:
                _, state = await self.server.read_value(self.client, (SCRIPT, number, 4))
                if test(state):
                    self.fallbacks += 1
                    self.lines.append(f"no notification within {patience:g} s: "
                                      f"the state was asked for, {STATES[state]}")
                    return state
                if time.monotonic() > end:
                    raise Failed(f"still {STATES[state]} after "
                                 f"{self.args.deadline + 10} s, waiting for {what}") from None

    async def run_script(self, number, apdus):
        """Hands one script to the device and fetches its answer: R-APDUs. They
        are fewer than the commands if the script stopped at an error."""
        path = (SCRIPT, number)
        await self.server.write(self.client, (*path, 2), script.command_script(apdus))
        await self.server.execute(self.client, (*path, 3))
        state = await self.wait_state(number, lambda s: s in FINAL, "the end of the script")
        _, values = await self.server.read(self.client, path, accept=codec.TLV)
        get = lambda rid, default=None: values.get((*path, rid), default)  # noqa: E731
        why = f"{get(8)}: {get(9)}"
        if (*path, 7) not in values:
            _, body = await self.server.read_value(self.client, (*path, 7))
        else:
            body = get(7)
        if not body:
            raise Failed(f"the script ended {STATES[state]} without a response: {why}")
        answer = script.parse_response(body)
        step = self.current
        step.apdus += len(answer.rapdus)
        self.total_apdus += len(answer.rapdus)
        step.sws += [r[-2:].hex().upper() for r in answer.rapdus]
        if answer.complaint:
            raise Failed(f"the device dislikes the script: {answer.complaint} ({why})")
        if answer.executed != len(answer.rapdus) or len(answer.rapdus) > len(apdus):
            raise Failed(f"{answer.executed} commands ran, {len(answer.rapdus)} answers, "
                         f"{len(apdus)} commands in the script")
        if get(6) != len(apdus) or get(5) != answer.executed:
            raise Failed(f"progress says {get(5)} of {get(6)}; {answer.executed} "
                         f"of {len(apdus)} is right")
        if not answer.rapdus:
            raise Failed(f"no command ran: {why}")
        # A script ends at the first error, and is "failed" then, not "done".
        last = answer.rapdus[-1][-2:].hex()
        good = last == "9000" or last[:2] in ("62", "63")
        if state != (3 if good else 4) or good and len(answer.rapdus) < len(apdus):
            raise Failed(f"{len(answer.rapdus)} of {len(apdus)} commands were answered, the "
                         f"last by {last.upper()}, and the state is {STATES[state]}: {why}")
        await self.server.execute(self.client, (*path, 11))
        await self.wait_state(number, lambda s: s == 0, "idle after Clear")
        return answer.rapdus

    async def secured(self, apdus, tolerate=(), fresh=True):
        """Runs commands in the secure channel: list of (data, SW), all R-MACs
        verified. A command that may end in one of the tolerated errors stops its
        script (TS 102 226); what follows goes into a second one."""
        out = []
        left = list(apdus)
        while left:
            batch = [self.session.wrap(a) for a in left]
            rapdus = await self.run_script(self.isd, [w.apdu for w in batch])
            for wrapped, rapdu in zip(batch, rapdus):
                data, sw = self.session.unwrap(rapdu, wrapped)
                if sw == 0x9000 or sw >> 8 in (0x62, 0x63):
                    self.macs += 1
                elif sw not in tolerate:
                    raise Failed(f"INS {wrapped.plain[1]:02X} P1 {wrapped.plain[2]:02X}: "
                                 f"the SE answered {sw:04X}")
                out.append((data, sw))
            if len(rapdus) < len(batch):
                if out[-1][1] not in tolerate:
                    raise Failed(f"the script stopped after SW {out[-1][1]:04X}")
                self.session.rewind(batch[len(rapdus) - 1])
                self.current.note("6A88, nothing of that kind: ends its script; the next "
                                  "commands went into another one")
            left = left[len(rapdus):]
        return out

    async def read_registry(self):
        """All of GET STATUS: ISD, applications, load files with their modules."""
        what = [("isd", gp.OF_ISD), ("app", gp.OF_APPLICATIONS),
                ("elf", gp.OF_LOAD_FILES_AND_MODULES)]
        answers = await self.secured([gp.get_status(p1) for _, p1 in what], tolerate=(0x6A88,))
        out = []
        for (kind, p1), (data, sw) in zip(what, answers):
            while sw == 0x6310:
                (more, sw), = await self.secured([gp.get_status(p1, following=True)])
                data += more
            if sw != 0x6A88:
                out += gp.records(kind, data)
        return out

    def show_registry(self, title, records):
        names = {"isd": "issuer domain", "app": "application", "elf": "load file"}
        rows = [(names[r.kind], r.aid.hex().upper(), r.state_name, r.privileges.hex().upper(),
                 r.load_file.hex().upper() if r.load_file else "") for r in records]
        for r in records:
            rows += [("  module", m.hex().upper(), "", "", "") for m in r.modules]
        self.registry[title] = [{"kind": r[0].strip(), "aid": r[1], "state": r[2]} for r in rows]
        self.screen.table(title, rows)

    @staticmethod
    def state_of(records, aid):
        return next((r.state_name for r in records if r.aid == aid), None)

    async def set_status(self, aid, status, expected):
        """SET STATUS, and GET STATUS to see that it worked."""
        _, (data, _) = await self.secured([gp.set_status_application(aid, status),
                                           gp.get_status(gp.OF_APPLICATIONS, aid=aid)])
        state = self.state_of(gp.records("app", data), aid)
        self.current.note(f"GET STATUS says {state}")
        if state != expected:
            raise Failed(f"GET STATUS says {state}, {expected} is right")

    # -- the main job

    async def identity(self):
        with self.step("read the identity of the SE") as s:
            targets = [t for t, _ in self.client.links]
            found = sorted(int(m[1]) for t in targets
                           if (m := re.fullmatch(rf"/{SE}/(\d+)", t)))
            if not found:
                raise Failed(f"the device lists no /{SE}/n; it lists {', '.join(targets)}")
            self.se = found[0]
            path = (SE, self.se)
            _, values = await self.server.read(self.client, path, accept=codec.TLV)
            _, again = await self.server.read(self.client, path, accept=codec.SENML_CBOR)
            for rid in (0, 1, 4, 5, 10):
                if values.get((*path, rid)) != again.get((*path, rid)):
                    raise Failed(f"resource {rid}: TLV says {show(values.get((*path, rid)))}, "
                                 f"SenML-CBOR says {show(again.get((*path, rid)))}")
            get = lambda rid: values.get((*path, rid))  # noqa: E731
            s.note(f"SE {get(0)}, type {get(1)}, state {SE_STATES[get(3)]}, "
                   f"generation {get(4)}, free memory {get(6) if get(6) is not None else '?'}")
            if get(5):
                s.note(f"interface parameters (CIP): {get(5).hex().upper()}")
            if get(10):
                names = {0x42: "issuer (IIN)", 0x45: "card image (CIN)"}
                s.note(", ".join(f"{names.get(t, f'{t:X}')} {v.hex().upper()}"
                                 for t, v in parse(get(10))))
            if not get(0):
                raise Failed("the SE has no identifier (resource 0)")

    async def open_channel(self):
        with self.step("create a script instance for the issuer domain"):
            self.isd = await self.create_instance(gp.ISD, keep=True)
        self.session = Session(self.args.keys, aid=gp.ISD)
        with self.step("SCP03: INITIALIZE UPDATE") as s:
            rapdu, = await self.run_script(self.isd, [self.session.initialize_update()])
            self.session.card_answer(rapdu)
            s.note(f"card cryptogram verified; key version {rapdu[10]:02X}, "
                   f"i={self.session.i:02X}, AES-{len(self.args.keys.enc) * 8}")
        with self.step("SCP03: EXTERNAL AUTHENTICATE, level 33"):
            rapdu, = await self.run_script(self.isd, [self.session.external_authenticate(0x33)])
            self.session.authenticated(rapdu)

    async def install(self):
        load = gp.synthetic_load_file(self.args.load_size, seed=2)
        loads = load.loads(self.session.max_data)
        with self.step(f"load {self.args.load_size} bytes, install, make selectable") as s:
            await self.secured([gp.install_for_load(ELF, load.hash, gp.ISD), *loads,
                                gp.install_and_make_selectable(ELF, MODULE, APP)])
            s.note(f"INSTALL [for load], {len(loads)} LOAD, INSTALL [for install and make "
                   "selectable] in one script; all R-MACs verified")

    async def ask_application(self, expect_locked):
        """Runs the application itself, on a channel of its own."""
        name = "ask the application while locked" if expect_locked else "ask the application"
        with self.step(name) as s:
            number = await self.create_instance(APP, keep=False)
            text = b"Sesame"
            path = (SCRIPT, number)
            if expect_locked:
                await self.server.write(self.client, (*path, 2),
                                        script.command_script([gp.capdu(0x80, 0x10, 0, 0, text, 0)]))
                await self.server.execute(self.client, (*path, 3))
                state = await self.wait_state(number, lambda x: x in FINAL, "a refusal")
                _, values = await self.server.read(self.client, path, accept=codec.TLV)
                s.note(f"refused, as it has to be: {values.get((*path, 8))}, "
                       f"{values.get((*path, 9))}")
                if state != 4 or values.get((*path, 5)) != 0:
                    raise Failed(f"a locked application answered (state {STATES[state]})")
                await self.server.execute(self.client, (*path, 11))
            else:
                rapdu, = await self.run_script(number, [gp.capdu(0x80, 0x10, 0, 0, text, 0)])
                if rapdu != text + b"\x90\x00":
                    raise Failed(f"echo answered {rapdu.hex()}")
                s.note("its echo came back as sent")
            self.watch.pop(number).cancel()
            await self.server.delete(self.client, path)

    async def run(self):
        with self.step("registration"):
            self.client = await self.server.wait_for_client(self.args.endpoint,
                                                            self.args.wait)
        await self.identity()
        await self.open_channel()
        with self.step("GET STATUS: the registry before"):
            before = await self.read_registry()
        self.show_registry("registry before", before)
        for aid in (APP, ELF):
            if self.state_of(before, aid):
                raise Failed(f"{aid.hex().upper()} is there already; the demo wants an SE without")
        await self.install()
        await self.ask_application(expect_locked=False)
        with self.step("SET STATUS: lock"):
            await self.set_status(APP, gp.LOCK, "LOCKED")
        await self.ask_application(expect_locked=True)
        with self.step("SET STATUS: unlock"):
            await self.set_status(APP, gp.UNLOCK, "SELECTABLE")
        with self.step("GET STATUS: the registry with the application"):
            during = await self.read_registry()
        self.show_registry("registry with the application", during)
        if (self.state_of(during, APP), self.state_of(during, ELF)) != ("SELECTABLE", "LOADED"):
            raise Failed("the registry does not list the application as SELECTABLE "
                         "and its load file as LOADED")
        with self.step("DELETE load file and application"):
            await self.secured([gp.delete(ELF, related=True)])
        with self.step("GET STATUS: the registry after"):
            after = await self.read_registry()
        self.show_registry("registry after", after)
        if after != before:
            raise Failed("the registry after is not the one before")
        with self.step("close the channel, delete the script instance"):
            self.watch.pop(self.isd).cancel()
            await self.server.delete(self.client, (SCRIPT, self.isd))
        if self.args.farewell:
            with self.step("de-registration, when the device shuts down"):
                pathlib.Path(self.args.farewell).touch()
                await self.server.wait_for(
                    lambda server: self.client.location not in server.clients, 300)

    def summary(self, error, seconds):
        return {"verified": error is None, "error": error, "seconds": round(seconds, 3),
                "endpoint": self.client.endpoint if self.client else None,
                "lwm2m": self.client.version if self.client else None,
                "apdus": self.total_apdus, "r_macs_verified": self.macs,
                "polled_for_want_of_a_notification": self.fallbacks,
                "steps": self.steps, "registry": self.registry}


def read_keys(path, kvn):
    """SCP03 keys: one line of hexadecimal digits for all, or three (ENC, MAC, DEK).
    The same file serves the software SE."""
    if path is None:
        return Keys(kvn, DEFAULT_KEY, DEFAULT_KEY, DEFAULT_KEY)
    keys = []
    with open(path, encoding="ascii") as f:
        for n, line in enumerate(f, 1):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            try:
                keys.append(bytes.fromhex(text))
            except ValueError:
                raise SystemExit(f"{path}:{n}: hexadecimal digits expected") from None
            if len(keys[-1]) not in (16, 24, 32):
                raise SystemExit(f"{path}:{n}: a key of {len(keys[-1])} bytes; "
                                 "AES has 16, 24 or 32")
    if len(keys) not in (1, 3):
        raise SystemExit(f"{path}: {len(keys)} keys; one or three expected")
    return Keys(kvn, *(keys * 3 if len(keys) == 1 else keys))


async def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--bind", default="127.0.0.1", help="address to listen at")
    p.add_argument("--port", type=int, default=5683)
    p.add_argument("--wait", type=float, default=240, help="seconds to wait for the device")
    p.add_argument("--endpoint", help="take only the client of this name")
    p.add_argument("--keys", metavar="FILE", help="SCP03 keys; without, the development keys")
    p.add_argument("--kvn", type=lambda t: int(t, 16), default=0x30,
                   help="key version number in hex (30)")
    p.add_argument("--load-size", type=int, default=4000, help="bytes of the load file")
    p.add_argument("--deadline", type=int, default=60, help="seconds for each script")
    p.add_argument("--patience", type=float, default=5,
                   help="seconds to wait for a notification before asking")
    p.add_argument("--farewell", metavar="FILE",
                   help="at the end make FILE, which tells the device to shut down, and wait "
                   "until it has de-registered")
    p.add_argument("--summary", metavar="FILE", help="write what happened as JSON")
    p.add_argument("--quiet", action="store_true", help="one line for each step")
    args = p.parse_args()
    args.keys = read_keys(args.keys, args.kvn)

    demo = Demo(args)
    began, error = time.monotonic(), None
    try:
        await demo.server.start()
        demo.screen.line(f"management server at coap://{args.bind}:{args.port}, "
                         "waiting for a device")
        demo.screen.line()
        demo.screen.head()
        await demo.run()
    except (Failed, LwM2MError, Scp03Error, TlvError, codec.CodecError,
            aiocoap.error.Error, ValueError, OSError) as e:
        where = demo.steps[-1]["step"] if demo.steps else "start"
        if isinstance(e, TimeoutError):
            what = (f"no device registered within {args.wait:.0f} s" if not demo.client
                    else "the device did not answer in time")
        else:
            what = str(e) or type(e).__name__
        error = f"{where}: {what}"
    finally:
        await demo.server.stop()
    seconds = time.monotonic() - began
    if args.summary:
        with open(args.summary, "w", encoding="utf-8") as f:
            json.dump(demo.summary(error, seconds), f, indent=1)
            f.write("\n")
    demo.screen.line("-" * 90)
    if error:
        print(f"FAILED  {error}", file=sys.stderr)
        return 1
    polled = (f", {demo.fallbacks} polled for want of a notification" if demo.fallbacks
              else ", no polling")
    demo.screen.line(f"all verified: {len(demo.steps)} steps, {demo.total_apdus} APDUs, "
                     f"{demo.macs} R-MACs{polled}, {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
