#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The management server of the demo over OMA DM.

Wakes the device with package 0, authenticates it and itself (MD5 with nonces), and then,
through the Secure Element Management Object: loads an application, asks it, locks it,
unlocks it, extradites it to a security domain of its own and deletes it. Each operation is
accepted with 202 and told by a Generic Alert with the correlator of its Exec.

dm.py --prepare makes secrets and the device's configuration in a folder that both can read.
The exit status is 0 only if every Status and every alert was verified.
"""

import argparse
import asyncio
import json
import os
import pathlib
import secrets
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(HERE, "../interop"), os.path.join(HERE, "../server")]

import cap  # noqa: E402
import dm_auth  # noqa: E402
import gp  # noqa: E402
from card_issuer import DEFAULT, keyset  # noqa: E402
from dm_bench import APP, PKG, SE, Fail, Operations, entry, name_of  # noqa: E402
from dm_server import Server  # noqa: E402
from dm_session import DmError, execute, get, interior, put  # noqa: E402
from server import Screen  # noqa: E402

DOMAIN = bytes.fromhex("F0534553414D4501")
SERVER_ID = "com.example.dm"
PATIENCE = 300  # seconds for a message, for an operation: the device may be an emulated one
CONFIG = """
[dm]
device_id=urn:uuid:5e5a4e00-0000-4000-8000-000000000002
udp_port=2948
bind=0.0.0.0

[dm demo]
server_id={server_id}
uri=http://10.0.2.2:{port}/dm
allow_http=yes
auth=md5
client_name=sesame
client_secret_file=/out/client.secret
server_secret_file=/out/server.secret
client_nonce={client_nonce}
server_nonce={server_nonce}
coding={coding}

[keyset isd]
keys=file:/out/keys

[policy demo]
origin=dm:{server_id}
keysets=isd
aids=*
instructions=*
"""


def private(path, text):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)


def prepare(folder, port, coding):
    """Secrets of this run, and what the device is told of them."""
    given = {"client": secrets.token_hex(16), "server": secrets.token_hex(16)}
    nonces = {f"{who}_nonce": secrets.token_hex(16) for who in given}
    for who, secret in given.items():
        private(os.path.join(folder, f"{who}.secret"), secret)
    private(os.path.join(folder, "keys"), keyset("isd", 30, DEFAULT))
    private(os.path.join(folder, "dm.conf"), CONFIG.format(
        server_id=SERVER_ID, port=port, coding=coding, **nonces))
    private(os.path.join(folder, "nonces"), json.dumps(nonces))


def prepared(folder, port):
    def read(name):
        return pathlib.Path(folder, name).read_text(encoding="ascii")
    nonces = json.loads(read("nonces"))
    return Server(port=port, server_id=SERVER_ID, client_name="sesame", timeout=PATIENCE,
                  client_secret=read("client.secret").encode(),
                  server_secret=read("server.secret").encode(),
                  client_nonce=bytes.fromhex(nonces["client_nonce"]),
                  server_nonce=bytes.fromhex(nonces["server_nonce"]),
                  record=os.path.join(folder, "messages"))


class Demo(Operations):
    """One run."""

    pause, patience = 0.3, PATIENCE

    def __init__(self, args):
        self.args, self.screen = args, Screen(args.quiet)
        self.server = prepared(args.folder, args.port)
        self.server.log = self.log
        self.correlators = iter(f"demo-{n}" for n in range(1, 1000))
        self.steps, self.lines, self.alerts, self.session = [], [], 0, None

    def log(self, way, m, body):
        """A line for each message."""
        words = []
        for c in m.cmds:
            if c.name == "Status" and c.cmd == "SyncHdr" or c.name == "Replace" and way == "in":
                continue
            if c.name == "Status":
                words.append(c.data)
            elif c.name == "Alert":
                words.append(f"Alert {c.data}" + (f" ({c.correlator})" if c.correlator else ""))
            elif c.name != "Results":
                words.append(c.name)
        seen, short = set(), []
        for w in words:
            if w not in seen or w.startswith("Alert"):
                n = words.count(w)
                short.append(w if n == 1 else f"{n} × {w}")
                seen.add(w)
        arrow = "device ->" if way == "in" else "server <-"
        self.lines.append(f"{arrow} session {m.session} message {m.msg}, {len(body)} bytes: "
                          + ", ".join(short))

    class Step:
        """Times one step and prints it at its end."""

        def __init__(self, demo, name):
            self.demo, self.name, self.apdus, self.sws, self.notes = demo, name, 0, [], []

        def __enter__(self):
            self.began, self.demo.lines = time.monotonic(), []
            self.demo.screen.running(f" {len(self.demo.steps) + 1:>2}  {self.name} …")
            return self

        def __exit__(self, kind, error, trace):
            d, seconds = self.demo, time.monotonic() - self.began
            d.steps.append({"step": self.name, "ok": kind is None, "apdus": self.apdus,
                            "seconds": round(seconds, 4), "messages": list(d.lines),
                            "notes": list(self.notes)})
            d.screen.step(len(d.steps), self.name, self.apdus, self.sws, seconds, kind is None)
            lines = d.lines if len(d.lines) < 9 else (
                d.lines[:3] + [f"… {len(d.lines) - 6} messages more"] + d.lines[-3:])
            for text in lines + self.notes:
                d.screen.detail(text)

        def done(self, result):
            """An operation that an alert has told the end of."""
            self.apdus += result.executed
            if result.sw:
                self.sws.append(f"{result.sw:04X}")
            self.notes.append(f"alert {result.alert.correlator}: {result.operation} "
                              f"{result.code}, {result.executed} APDUs, job {result.job}")

    def step(self, name):
        return self.Step(self, name)

    async def operate(self, session, uri, *before, code=1200):
        result = await super().operate(session, uri, *before, code=code)
        self.alerts += 1
        self.current.done(result)
        return result

    async def do(self, name, carrier, operation, *before, leaf=None, value=None):
        """One operation, and what the tree says of it afterwards."""
        with self.step(name) as self.current:
            await self.session.run(execute(f"{carrier}/Operations/Clear"))
            await self.operate(self.session, f"{carrier}/Operations/{operation}", *before)
            if leaf:
                now, = await self.session.run(get(f"{carrier}/{leaf}"))
                if now.value != value:
                    raise Fail(f"{leaf} is {now.value!r}, {value!r} is right")

    async def wake(self):
        """Package 0, until the device answers: it may still be starting. It calls of its own
        accord, too, as the server is new to it: that session is ended."""
        package = dm_auth.push(self.server.notification(0x5E5A))
        while True:
            waiting = asyncio.ensure_future(self.server.session(self.args.wait))
            while not waiting.done():
                dm_auth.send_udp(self.args.notify_port, package)
                await asyncio.wait({waiting}, timeout=1)
            session = waiting.result()
            if session.kind == 1200:
                return session
            await session.end()

    async def inventory(self, title):
        """What is on the SE, by the device's inventory."""
        kinds = {"SecurityDomain": "domain", "Application": "application", "LoadFile": "load file"}
        states = {"10": "LOADED", "20": "INSTALLED", "30": "SELECTABLE", "40": "PERSONALIZED",
                  "50": "LOCKED"}
        rows = []
        for kind, word in kinds.items():
            names, = await self.session.run(get(f"{SE}/Inventory/{kind}"))
            for name in filter(None, (names.value or "").split("/")):
                at = await self.values(self.session, entry(kind, name), "AID", "State",
                                       "Privileges", "LoadFile")
                rows.append((word, name_of(at["AID"]), states.get(at.get("State"), "-"),
                             at.get("Privileges", b"").hex().upper(),
                             name_of(at.get("LoadFile", b""))))
        self.screen.table(title, sorted(rows))
        return sorted(rows)

    async def run(self):
        with self.step("package 0, then a session of the device") as s:
            self.session = await self.wake()
            if (self.session.kind, self.session.id) != (1200, "5E5A"):
                raise Fail(f"session {self.session.id}, Alert {self.session.kind}")
            s.notes.append(f"the device is {self.session.device}; its digest is right")
        with self.step("mutual authentication") as s:
            link, = await self.session.run(get(f"{SE}/Link"))
            head = self.session.messages[-1].cmds[0]
            if head.code != 212 or not head.chal:
                raise Fail(f"Status {head.code} for our credentials")
            s.notes.append("212: the device has accepted the server, and gave a new nonce")
            if link.value != "20":
                raise Fail(f"Link {link.value}, 20 is right: idle")
        with self.step("read the registry with a key set of the device") as self.current:
            await self.operate(self.session, f"{SE}/Operations/Refresh",
                               put(f"{SE}/Parameter/KeySet", "isd"))
            card, = await self.session.run(get(f"{SE}/State"))
            if card.value not in ("10", "20", "30"):
                raise Fail(f"State {card.value}")
        before = await self.inventory("inventory before")
        await self.load()
        app, lf = entry("Application", APP), entry("LoadFile", PKG)
        await self.ask(1200)
        await self.do("lock", app, "Lock", leaf="State", value="50")
        await self.ask(1409)
        await self.do("unlock", app, "Unlock", leaf="State", value="30")
        await self.ask(1200)
        await self.do("create a security domain", SE, "CreateSecurityDomain",
                      put(f"{SE}/Parameter/AID", DOMAIN))
        await self.do("extradite the application to it", app, "Extradite",
                      put(f"{app}/Parameter/Target", DOMAIN), leaf="Parent", value=DOMAIN)
        await self.inventory("inventory with the application")
        for name, at in (("delete the application", app),
                         ("delete the domain", entry("SecurityDomain", DOMAIN)),
                         ("delete the load file", lf)):
            await self.do(name, at, "Delete", leaf="State", value=None)
        after = await self.inventory("inventory after")
        if after != before:
            raise Fail("the inventory after is not the one before")
        with self.step("package 4: the end"):
            await self.session.end()
        if self.server.complaints:
            raise Fail("; ".join(self.server.complaints[:5]))

    async def load(self):
        """Install in a session of its own, whose end is told in one of the device's accord."""
        node, data = f"{SE}/Package/demo", cap.Cap(PKG, [self.module], code=self.args.size).zip()
        with self.step(f"a package of {len(data)} bytes, as a large object") as s:
            self.server.out_limit = 4096
            made = await self.session.run(interior(node), put(f"{node}/InstanceAID", APP),
                                          put(f"{node}/Data", data), get(f"{node}/State"))
            if [r.code for r in made] != [200] * 4 or made[3].value != "30":
                raise Fail(f"Status {[r.code for r in made]}, State {made[3].value}")
            s.notes.append(f"{len(made[2].chunks) + 1} chunks; State 30, delivered")
        with self.step("Install: 202, and the session ends") as self.current:
            correlator = next(self.correlators)
            reply, = await self.session.run(execute(f"{node}/Operations/Install", correlator))
            if reply.code != 202:
                raise Fail(f"Status {reply.code}")
            await self.session.end()
        with self.step("the device calls: a correlated alert") as self.current:
            self.session = await self.server.session()
            result = await self.finish(self.session, correlator)
            self.alerts += 1
            self.current.done(result)
            if self.session.kind != 1201 or result.code != 1200:
                raise Fail(f"Alert {self.session.kind}, {result}")
        await self.do("make it selectable", node, "Activate", leaf="State", value="50")

    async def ask(self, code):
        with self.step("ask the application" + (" while locked" if code != 1200 else "")) as s:
            self.current = s
            answer = await self.echo(self.session, code)
            if code == 1200 and answer != [b"Sesame\x90\x00"]:
                raise Fail(f"its echo is {answer}")
            s.notes.append("its echo came back as sent" if code == 1200 else
                           "refused, as it has to be")

    def summary(self, error, seconds):
        return {"verified": error is None, "error": error, "seconds": round(seconds, 3),
                "alerts": self.alerts, "complaints": self.server.complaints,
                "steps": self.steps}


async def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("folder", help="what both sides read: secrets, the configuration")
    p.add_argument("--prepare", action="store_true", help="make them, and nothing else")
    p.add_argument("--port", type=int, required=True, help="TCP port of the server")
    p.add_argument("--notify-port", type=int, help="UDP port of 127.0.0.1 for package 0")
    p.add_argument("--coding", choices=("xml", "wbxml"), default="wbxml")
    p.add_argument("--wait", type=float, default=240, help="seconds to wait for the device")
    p.add_argument("--size", type=int, default=12000, help="bytes of code in the package")
    p.add_argument("--farewell", metavar="FILE", help="made at the end")
    p.add_argument("--summary", metavar="FILE", help="write what happened as JSON")
    p.add_argument("--quiet", action="store_true", help="one line for each step")
    args = p.parse_args()
    if args.prepare:
        prepare(args.folder, args.port, args.coding)
        return 0

    demo = Demo(args)
    began, error = time.monotonic(), None
    try:
        await demo.server.start()
        demo.screen.line(f"DM server at {demo.server.uri}, package 0 to UDP port "
                         f"{args.notify_port}")
        demo.screen.line()
        demo.screen.head()
        await demo.run()
    except (DmError, Fail, ValueError, OSError) as e:
        error = f"{demo.steps[-1]['step'] if demo.steps else 'start'}: {e or type(e).__name__}"
    finally:
        await demo.server.stop()
    seconds = time.monotonic() - began
    if args.farewell:
        pathlib.Path(args.farewell).touch()
    if args.summary:
        with open(args.summary, "w", encoding="utf-8") as f:
            json.dump(demo.summary(error, seconds), f, indent=1)
            f.write("\n")
    demo.screen.line("-" * 90)
    if error:
        print(f"FAILED  {error}", file=sys.stderr)
        return 1
    demo.screen.line(f"all verified: {len(demo.steps)} steps, {demo.alerts} correlated alerts, "
                     f"{seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
