# SPDX-License-Identifier: Apache-2.0
"""What the tests of OMA DM stand on: a DM server, semd with an account for it, the software
SE; operations of the Secure Element MO to their alert; the card's own list, read over a
secure channel that ends in the server."""

import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import cap  # noqa: E402
import dm_auth  # noqa: E402
import gp  # noqa: E402
import script  # noqa: E402
import scp03  # noqa: E402
from card_issuer import DEFAULT, keyset  # noqa: E402
from dm_auth import BASIC, MAC, MD5  # noqa: E402
from dm_server import Server  # noqa: E402
from dm_session import Cmd, DmError, Item, delete, execute, get, interior, put  # noqa: E402
from stack import OUT, Stack, free_port, wait_until  # noqa: E402

CASES = {}  # number: (title, function, own): own takes a coding, others a Bench
SE = "./SecureElement/se0"
PATIENCE = 60   # seconds; what takes so long never comes
ALERT = "io.sesame.secureelement.operationcomplete"
FIELDS = ("ResultCode", "Operation", "Identifier", "Status", "Executed", "Total", "LastSW",
          "Outcome", "Job")
AUTH = {MD5: "md5", MAC: "hmac", BASIC: "basic", None: "transport"}
PKG = bytes.fromhex("F0534553414D4511")
MODULE = bytes.fromhex("F0534553414D450101")    # the software SE's own applet: an echo
APP = bytes.fromhex("F0534553414D450102")
DEVICE = "urn:uuid:5e5a4e00-0000-4000-8000-000000000001"


class Fail(AssertionError):
    """A case is not passed: what was to be, and what was."""


def case(number, title, own=False):
    """A case of the plan. own: it makes a Bench of its own kind."""
    def note(function):
        CASES[number] = (title, function, own)
        return function
    return note


def need(good, what, shown=""):
    if not good:
        raise Fail(f"{what}: {shown}" if shown != "" else what)


def name_of(aid):
    return aid.hex().upper()


def entry(kind, aid):
    return f"{SE}/Inventory/{kind}/{aid if isinstance(aid, str) else name_of(aid)}"


@dataclass
class Result:
    """What an alert of the MO said; code and the like are ints."""
    alert: object
    code: int
    operation: str
    identifier: str
    status: int
    executed: int
    total: int
    sw: int
    outcome: int
    job: str


def result(alert):
    """A Generic Alert of the MO, held against its specification (7)."""
    data = alert.data.decode() if isinstance(alert.data, bytes) else alert.data
    found = re.findall(r"<(\w+)>([^<>]*)</\1>", data or "")
    need(tuple(n for n, _ in found) == FIELDS and
         "".join(f"<{n}>{v}</{n}>" for n, v in found) == data, "Data of the alert", repr(data))
    values = [v if n in ("Operation", "Identifier", "Job") else int(v) for n, v in found]
    got = Result(alert, *values)
    need((alert.type, alert.format) == (ALERT, "xml"), "Type and Format of the alert",
         (alert.type, alert.format))
    mark = {12: ("informational", None), 14: ("warning",), 15: ("critical",)}[got.code // 100]
    need(alert.mark in mark, "Mark of the alert", alert.mark)
    need(got.identifier == alert.source.rpartition("/")[2], "Identifier and Source",
         (got.identifier, alert.source))
    return got


class Operations:
    """Of the Secure Element MO, for whoever has a server (self.server) and names for
    operations (self.correlators)."""

    server = correlators = None
    module = MODULE
    pause = 0.02    # seconds between two questions whether an operation is done
    patience = PATIENCE

    @staticmethod
    async def until(test, what, seen=lambda: "", seconds=PATIENCE):
        """Waits until test() is true, and says what was to be and what was seen instead."""
        end = asyncio.get_running_loop().time() + seconds
        while not test():
            need(asyncio.get_running_loop().time() < end, f"{what}, within {seconds} s", seen())
            await asyncio.sleep(0.005)

    async def leaf(self, session, uri, good, what):
        """Asks for a leaf until good(value)."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while True:
            now, = await session.run(get(uri))
            if good(now.value):
                return
            need(asyncio.get_running_loop().time() < end, f"{what}, within {PATIENCE} s",
                 (now.code, now.value))
            await asyncio.sleep(self.pause)

    async def finish(self, session, correlator):
        """Asks in the session until the alert is there."""
        end = asyncio.get_running_loop().time() + self.patience
        while True:
            for got in self.server.alerts:
                if got.correlator == correlator:
                    return result(got)
            need(asyncio.get_running_loop().time() < end,
                 f"the alert of {correlator}, within {self.patience} s",
                 [a.correlator for a in self.server.alerts][-20:])
            await asyncio.sleep(self.pause)
            await session.run(get(f"{SE}/Link"))

    async def operate(self, session, uri, *before, code=1200):
        """Exec of an operation, what it needs in the same package, to its alert."""
        correlator = next(self.correlators)
        replies = await session.run(*before, execute(uri, correlator))
        codes = [r.code for r in replies]
        need(set(codes[:-1]) <= {200} and codes[-1] == 202, f"Status of {uri}", codes)
        got = await self.finish(session, correlator)
        need(code in (None, got.code), f"ResultCode of {uri}", got)
        need(uri.startswith(got.alert.source + "/Operations/" + got.operation),
             "Source and Operation", (got.alert.source, got.operation))
        return got

    async def transmit(self, session, apdus, aid=b"", name="t", code=1200, keep=False):
        """A script to its R-APDUs; the node is made where it is missing, and cleared."""
        node = f"{SE}/APDU/{name}"
        there, = await session.run(get(node))
        if there.code == 404:
            made, = await session.run(interior(node))
            need(made.code == 200, f"Add of {node}", made.code)
        await self.operate(session, f"{node}/Operations/Transmit",
                           put(f"{node}/TargetAID", aid), put(f"{node}/KeepChannel", keep),
                           put(f"{node}/Command", script.command_script(apdus)), code=code)
        answer, clear = await session.run(get(f"{node}/Response"),
                                          execute(f"{node}/Operations/Clear"))
        need((answer.code, clear.code) == (200, 200), "Response and Clear",
             (answer.code, clear.code))
        return script.parse_response(answer.value).rapdus if answer.value else []

    async def registry(self, session):
        """The card's own list, over a secure channel of the server's: {AID: Record}."""
        host = scp03.Session(scp03.Keys(0x30, DEFAULT, DEFAULT, DEFAULT), aid=gp.ISD)

        async def send(apdu, code=1200):
            rapdu, = await self.transmit(session, [apdu], gp.ISD, "list", code, True)
            return rapdu
        host.card_answer(await send(host.initialize_update()))
        host.authenticated(await send(host.external_authenticate(0x33)))
        out = {}
        for kind, p1 in (("isd", gp.OF_ISD), ("app", gp.OF_APPLICATIONS),
                         ("elf", gp.OF_LOAD_FILES)):
            wrapped = host.wrap(gp.get_status(p1))
            data, sw = host.unwrap(await send(wrapped.apdu, None), wrapped)
            need(sw in (0x9000, 0x6A88), "GET STATUS", f"{sw:04X}")
            out.update({r.aid: r for r in (gp.records(kind, data) if sw == 0x9000 else ())})
        gone, = await session.run(delete(f"{SE}/APDU/list"))
        need(gone.code == 200, "Delete of a script", gone.code)
        return out

    async def keyed(self, session):
        """P5."""
        keys, = await session.run(get(f"{SE}/Parameter/KeySet"))
        if keys.value != "isd":
            await self.operate(session, f"{SE}/Operations/Refresh",
                               put(f"{SE}/Parameter/KeySet", "isd"))

    async def application(self, session, name="app"):
        """P5 and P6: the package's node."""
        await self.keyed(session)
        node = f"{SE}/Package/{name}"
        state, = await session.run(get(f"{node}/State"))
        if state.code == 404:
            made = await session.run(interior(node), put(f"{node}/InstanceAID", APP))
            need([r.code for r in made] == [200] * 2, "a package", [r.code for r in made])
        if state.code == 404 or state.value == "10":
            data, = await session.run(put(f"{node}/Data", cap.Cap(PKG, [MODULE], code=600).zip()))
            need(data.code == 200, "Data", data.code)
            state, = await session.run(get(f"{node}/State"))
        if state.value == "30":
            await self.operate(session, f"{node}/Operations/Install")
            state, = await session.run(get(f"{node}/State"))
        if state.value == "40":
            await self.operate(session, f"{node}/Operations/Activate")
        return node

    async def echo(self, session, code=1200):
        """Asks the application through a script: its answer."""
        return await self.transmit(session, [gp.capdu(0x80, 0x10, 0, 0, b"Sesame", 0)], APP,
                                   "echo", code)

    async def values(self, session, base, *names):
        """{name: value} of leaves below base; missing ones are left out."""
        replies = await session.run(*[get(f"{base}/{n}") for n in names])
        return {n: r.value for n, r in zip(names, replies) if r.code == 200}


class Bench(Operations):
    """coding is what semd begins with and the server answers in. account, device: keys of
    [dm iot] and [dm]; policy: of [policy iot]; server: for dm_server.Server. greet: the
    session that semd begins because the account is new is had, and over."""

    def __init__(self, coding="xml", auth=MD5, account=None, device=None, policy=None,
                 keys=keyset("isd", 30, DEFAULT), softse=(), log=None, greet=True, **server):
        self.coding, self.softse, self.greet = coding, softse, greet
        self.stack = Stack(None)
        self.server = Server(client_auth=auth, server_auth=auth, log=log, timeout=PATIENCE,
                             client_nonce=b"client-nonce-000", server_nonce=b"server-nonce-000",
                             **server)
        self.keys, self.policy = keys, policy or {}
        self.account, self.device = account or {}, device or {}
        self.numbers = itertools.count(0x100)
        self.correlators = (f"iot-{n}" for n in itertools.count(1))
        self.udp, self.coap = free_port(), free_port()
        self.more = {}      # further sections, as Stack has them

    def secret(self, name, value):
        path = self.stack.path(name)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
            f.write(value)
        return path

    def section(self, server, coding):
        """An account for a server."""
        words = {"server_id": server.server_id, "uri": server.uri, "allow_http": "yes",
                 "auth": AUTH[server.client_auth], "coding": coding}
        if server.client_auth:
            words |= {"client_name": server.client_name,
                      "client_secret_file": self.secret(f"client-{server.server_id}",
                                                        server.client_secret),
                      "server_secret_file": self.secret(f"server-{server.server_id}",
                                                        server.server_secret),
                      "client_nonce": server.client_nonce.hex(),
                      "server_nonce": server.server_nonce.hex()}
        if server.client_auth == BASIC:
            words["allow_basic"] = "yes"
        return words

    def configure(self):
        keys = self.secret("keys", self.keys.encode())
        names = re.findall(r"\[keyset (\w+)\]", self.keys)
        sections = {"dm": {"device_id": DEVICE, "udp_port": self.udp, "coap_port": self.coap,
                           "server_accounts": "yes",
                           **self.device},
                    "dm iot": {**self.section(self.server, self.coding), **self.account},
                    "policy iot": {"origin": "dm:" + self.server.server_id,
                                   "instructions": "*",
                                   **({"keysets": " ".join(names)} if names else {}),
                                   **self.policy}}
        for n in names:
            sections[f"keyset {n}"] = {"keys": f"file:{keys}"}
        self.stack.set = {f"{s}.{k}": v for s, part in sections.items() for k, v in part.items()}
        self.stack.set.update(self.more)

    async def __aenter__(self):
        await self.server.start()
        try:
            self.configure()
            self.stack.start_softse(*self.softse)
            await self.start_semd()
            if self.greet:
                await (await self.server.session()).end()
        except BaseException:
            await self.__aexit__(AssertionError, None, None)
            raise
        return self

    async def start_semd(self):
        self.stack.start_semd()

        def bound():
            if self.stack.semd.poll() is not None:
                raise AssertionError(f"semd ended: {self.stack.text('semd.log')[-600:]}")
            with open("/proc/net/udp", encoding="ascii") as f:
                return any(line.split()[1].endswith(f":{self.udp:04X}")
                           for line in f.readlines()[1:])
        await self.thread(wait_until, bound, PATIENCE, "semd's port for notifications")

    async def restart(self, sig):
        await self.thread(self.stack.stop_semd, sig)
        await self.start_semd()

    @staticmethod
    async def thread(fn, *args):
        return await asyncio.get_running_loop().run_in_executor(None, fn, *args)

    async def __aexit__(self, kind, error, trace):
        status = await self.thread(self.stack.stop)
        await self.server.stop()
        self.ended = status
        if kind is not None or status != 0:
            print(f"# semd ended with {status}")
            for line in self.stack.text("semd.log").splitlines()[-15:]:
                print(f"# semd: {line}")
        self.stack.remove()
        if kind is None:
            need(status == 0, "semd ends with status 0", status)

    # -- sessions

    def notify(self, number=None, server=None, push=True, **fields):
        """Package 0 over UDP; its session number."""
        number = next(self.numbers) if number is None else number
        package = (server or self.server).notification(number, **fields)
        dm_auth.send_udp(self.udp, dm_auth.push(package) if push else package)
        return number

    async def session(self, server=None):
        """A session that the server asked for; others that begin meanwhile are ended."""
        server, number = server or self.server, next(self.numbers)
        package = server.notification(number)
        for _ in range(3):      # what comes too densely is not heard
            session = await self.called(server, number, package)
            if session:
                need(session.kind == 1200, "Alert of a session by notification", session.kind)
                need(session.coding == self.coding, "the coding of package 1", session.coding)
                return session
        raise Fail(f"no session {number:X}: {await self.status(server)}")

    async def called(self, server, number, package):
        """Package 0, and the session for it; None: semd has not heard it."""
        dm_auth.send_udp(self.udp, dm_auth.push(package))
        end = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                raw = await server.raw_session(0.5)
            except DmError:
                if await self.calm(server) and server.sessions.empty():
                    return None
                need(asyncio.get_running_loop().time() < end,
                     f"session {number:X}, within {PATIENCE} s", await self.status(server))
                continue
            if session := await self.opened(raw, number):
                return session

    async def opened(self, session, number):
        """The session, if it is this one; another one is ended."""
        await session.open()
        if session.id == f"{number:X}":
            return session
        await session.end()
        return None

    def correlator(self):
        return next(self.correlators)

    async def sectl(self, *words, check=True):
        """sectl in the same way as a person would call it."""
        done = await self.thread(lambda: subprocess.run(
            [os.path.join(OUT, "sectl"), "--socket",
             self.stack.path("run/io.sesame.Manager"), *words],
            capture_output=True, text=True, timeout=PATIENCE, check=False))
        if check:
            need(done.returncode == 0, f"sectl {' '.join(words)}", done.stderr)
        return done

    async def status(self, server=None):
        """What semd says of the account; nothing while there is no semd."""
        done = await self.sectl("dm", "list", "--json", check=False)
        said = json.loads(done.stdout)["result"] if done.returncode == 0 else None
        want = (server or self.server).server_id
        return next((a for a in said or () if a["serverId"] == want), {})

    async def calm(self, server=None):
        """semd has taken what came to its ports, and has no session, now or in this second.
        It is asked twice: it reads the second question after what came before the first."""
        for _ in range(2):
            said = await self.status(server)
            if said.get("state") in (None, "running") or said.get("next", 1) == 0:
                return False
        return True

    async def settled(self):
        """Waits until it is calm: how many requests there were."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not await self.calm():
            need(asyncio.get_running_loop().time() < end, f"no session, within {PATIENCE} s",
                 await self.status())
        return len(self.server.requests)

    async def failed(self):
        """The client has given up a session: what it says of that."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not (said := await self.status()).get("failures"):
            need(asyncio.get_running_loop().time() < end, f"a session fails, within {PATIENCE} s",
                 said)
        return said

    async def begun(self, ins, n, since=0):
        """The card has executed n commands with this INS (hex digits) since a line of its log:
        what sends them is in their midst."""
        def ran():
            return sum(1 for w in self.stack.apdus()[since:] if w[3][2:4] == ins)
        await self.until(lambda: ran() >= n, f"{n} commands {ins}", ran)


__all__ = ["ALERT", "APP", "Bench", "CASES", "Cmd", "Fail", "Item", "MODULE", "PKG", "Result", "SE",
           "case", "entry", "name_of", "need", "result"]
