# SPDX-License-Identifier: Apache-2.0
"""An OMA DM 1.2.1 server for tests, in asyncio: HTTP or HTTPS, XML and WBXML.

    async with Server(port=0) as server:
        session = await server.session()
        man, = await session.run(get("./DevInfo/Man"))
        print(man.code, man.value)
        await session.end()

It authenticates device and itself (Basic, MD5, HMAC), keeps Generic Alerts, and complains
(server.complaints) about everything that a device must not do. On demand it misbehaves:
tweak changes a message before it is coded, garble its bytes, faults what HTTP does.
"""

import asyncio
import contextlib
import itertools
import os
import pathlib
import secrets
from dataclasses import dataclass, field

import dm_auth
import syncml
from dm_auth import BASIC, MAC, MD5
from dm_session import DmError, Incoming, Session
from syncml import Cred, Meta


@dataclass
class Fault:
    """What HTTP does instead of an answer: lose (the request, unread by the session), drop
    (answered, but nothing sent), cut (half of it sent), status (with words of the head),
    replace (other bytes, another type) or endless (body again and again, 64 MiB). after:
    seconds to wait first."""
    kind: str = ""
    status: int = 503
    head: dict = field(default_factory=dict)
    body: bytes = b""
    media: str | None = None
    after: float = 0


class Server:
    """client_*: what the device authenticates with, server_*: what we do; *_auth None for
    nothing. how: what syncml.encode() takes (WBXML's variants). record: a folder in which
    each message is kept under NUMBER-{in,out}-SESSION-MSGID.{xml,wbxml}."""

    def __init__(self, bind="127.0.0.1", port=0, ssl=None, server_id="com.example.dm",
                 server_secret=b"server-secret", client_name="sesame", timeout=20,
                 client_secret=b"client-secret", client_auth=MD5, server_auth=MD5,
                 client_nonce=b"", server_nonce=b"", record=None, log=None):
        self.bind, self.port, self.ssl, self.timeout = bind, port, ssl, timeout
        self.server_id = self.server_name = server_id
        self.name = None            # Source of our messages; None: our URI
        self.server_secret, self.server_auth, self.server_nonce = (
            server_secret, server_auth, server_nonce)
        self.client_name, self.client_secret, self.client_auth, self.client_nonce = (
            client_name, client_secret, client_auth, client_nonce)
        self.max_msg, self.max_obj, self.out_limit = 16384, 4 << 20, 1 << 20
        self.resp_uri, self.tries, self.alert_status = False, 1, 200
        self.how = {}
        self.tweak = self.garble = None
        self.large_size = lambda uri, n: n  # what Size says
        self.faults = []            # one for each request to come; None: do as you should
        self.record, self.log = record, log
        self.complaints, self.alerts, self.requests = [], [], []
        self.sessions, self.running = asyncio.Queue(), {}
        self.count, self.poured = itertools.count(1), 0
        self.tasks = set()

    # -- life

    async def start(self):
        if self.record:
            os.makedirs(self.record, exist_ok=True)
        self.listener = await asyncio.start_server(self.connection, self.bind, self.port,
                                                   ssl=self.ssl)
        self.port = self.listener.sockets[0].getsockname()[1]
        return self

    async def stop(self):
        self.listener.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def __aenter__(self):
        return await self.start()

    async def __aexit__(self, *_):
        await self.stop()

    @property
    def uri(self):
        return f"{'https' if self.ssl else 'http'}://{self.bind}:{self.port}/dm"

    # -- what tests call

    async def session(self, timeout=None):
        """The next session, authenticated."""
        return await (await self.raw_session(timeout)).open()

    async def raw_session(self, timeout=None):
        """The next session, nothing of it read."""
        try:
            return await asyncio.wait_for(self.sessions.get(), timeout or self.timeout)
        except TimeoutError:
            raise DmError(f"no session within {timeout or self.timeout} s") from None

    async def alert(self, correlator, timeout=None, source=None):
        """The Generic Alert with this correlator; sessions that begin meanwhile are ended."""
        end = asyncio.get_running_loop().time() + (timeout or self.timeout)
        while True:
            for got in self.alerts:
                if got.correlator == correlator and source in (None, got.source):
                    return got
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                raise DmError(f"no alert with correlator {correlator!r}; there are "
                              f"{[a.correlator for a in self.alerts]}")
            with contextlib.suppress(DmError):
                await (await self.session(left)).end()

    def notification(self, session, nonce=None, secret=None, **fields):
        """Package 0."""
        return dm_auth.notification(self.server_id, secret or self.server_secret,
                                    self.server_nonce if nonce is None else nonce,
                                    session, **fields)

    # -- who is who

    def own_cred(self):
        if self.server_auth == BASIC:
            return Cred(BASIC, dm_auth.basic(self.server_name, self.server_secret))
        if self.server_auth == MD5:
            return Cred(MD5, dm_auth.md5(self.server_name, self.server_secret,
                                         self.server_nonce))
        return None

    def own_mac(self, body):
        return dm_auth.hmac_header(self.server_name, self.server_secret, self.server_nonce, body)

    def judge(self, session, incoming):
        """Code and challenge for the SyncHdr of the device's message."""
        kind, m = self.client_auth, incoming.message
        if kind is None:
            return (212 if m.cred else 200), None
        chal = Meta(format="b64", type=kind)
        if kind == MAC:
            shown = dm_auth.parse_hmac(incoming.head.get(dm_auth.HMAC_HEADER, ""))
            good = "mac" in shown and shown.get("username") == self.client_name and dm_auth.same(
                shown["mac"], dm_auth.mac(self.client_name, self.client_secret,
                                          self.client_nonce, incoming.raw))
            present, fine = "mac" in shown, 200
        else:
            want = (dm_auth.basic(self.client_name, self.client_secret) if kind == BASIC else
                    dm_auth.md5(self.client_name, self.client_secret, self.client_nonce))
            present, fine = m.cred is not None, 212
            good = present and m.cred.type == kind and dm_auth.same(m.cred.data, want)
            if good and kind == MD5 and m.source_name != self.client_name:
                session.complain(f"LocName {m.source_name!r} is not who {m.cred.type} is from")
        if kind != BASIC:
            self.client_nonce = chal.next_nonce = secrets.token_bytes(16)
        if good:
            return fine, (chal if kind != BASIC else None)
        return (401 if present else 407), chal

    # -- HTTP

    async def connection(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            while await self.request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()

    async def request(self, reader, writer):
        """One request and its answer; False: the connection is to end."""
        line = (await reader.readline()).decode("latin-1").split()
        if len(line) != 3:
            return False
        head = {}
        while (field_ := (await reader.readline()).decode("latin-1").strip()):
            name, _, text = field_.partition(":")
            head[name.lower()] = text.strip()
        if head.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self.body(reader, head)
        self.requests.append((line[1], head, body))
        fault = self.faults.pop(0) if self.faults else None
        if fault and fault.after:
            await asyncio.sleep(fault.after)
        if fault and fault.kind == "lose":
            return False
        if fault and fault.kind == "status":
            status, words, out = fault.status, fault.head, fault.body
        elif fault and fault.kind in ("replace", "endless"):
            status, words, out = fault.status, fault.head, fault.body
            words = {"Content-Type": fault.media or head.get("content-type", ""), **words}
        else:
            status, words, out = await self.dispatch(line, head, body)
        if fault and fault.kind == "drop":
            return False
        if fault and fault.kind == "endless":
            await self.endless(writer, fault.body, head.get("content-type", ""))
            return False
        text = f"HTTP/1.1 {status} X\r\nContent-Length: {len(out)}\r\n" + "".join(
            f"{k}: {v}\r\n" for k, v in words.items()) + "\r\n"
        data = text.encode("latin-1") + out
        if fault and fault.kind == "cut":
            writer.write(data[:len(data) - len(out) // 2 - 1])
            await writer.drain()
            return False
        writer.write(data)
        await writer.drain()
        return head.get("connection", "").lower() != "close"

    async def endless(self, writer, piece, media):
        """How much of it was taken is in self.poured."""
        writer.write(f"HTTP/1.1 200 X\r\nContent-Type: {media}\r\nTransfer-Encoding: chunked"
                     "\r\n\r\n".encode("latin-1"))
        self.poured = 0
        while self.poured < 64 << 20:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            self.poured += len(piece)

    @staticmethod
    async def body(reader, head):
        if "chunked" not in head.get("transfer-encoding", "").lower():
            return await reader.readexactly(int(head.get("content-length", "0")))
        parts = []
        while n := int((await reader.readline()).split(b";")[0], 16):
            parts.append(await reader.readexactly(n))
            await reader.readline()
        while (await reader.readline()).strip():
            pass
        return b"".join(parts)

    async def dispatch(self, line, head, body):
        """The status, head and body of the answer, once a test has given it."""
        method, target, _ = line
        if method != "POST":
            return 405, {}, b""
        try:
            coding = syncml.coding_of(head.get("content-type", ""))
            m = syncml.decode(body, coding)
        except ValueError as e:
            self.complaints.append(f"a message that is none: {e}")
            return 400, {}, b""
        self.keep("in", m, body, coding)
        session = self.running.get((m.source, m.session))
        if session and session.last and session.last[0] == body:
            session.repeats += 1
            return await asyncio.shield(session.last[1])
        if session and session.over and m.msg != "1":
            self.complaints.append(f"session {m.session}, message {m.msg}: it is over")
            return 400, {}, b""
        if session is None or m.msg == "1":
            session = self.running[(m.source, m.session)] = Session(self, Incoming(
                m, body, coding, head, None))
            self.sessions.put_nowait(session)
        elif self.resp_uri and f"sid={session.token}" not in target:
            self.complaints.append(f"message {m.msg} went to {target}, not to RespURI")
        incoming = Incoming(m, body, coding, head, asyncio.get_running_loop().create_future())
        session.last = (body, incoming.answer)
        session.inbox.put_nowait(incoming)
        status, words, out = await asyncio.shield(incoming.answer)
        self.keep("out", m, out, session.coding)
        return status, words, out

    def keep(self, way, m, body, coding):
        if self.log:
            with contextlib.suppress(ValueError):   # we may have said what is no message
                self.log(way, m if way == "in" else syncml.decode(body, coding), body)
        if self.record:
            name = f"{next(self.count):04}-{way}-{m.session}-{m.msg}.{coding}"
            pathlib.Path(self.record, name).write_bytes(body)
