# SPDX-License-Identifier: Apache-2.0
"""A session of the DM server: what a management program writes (get(), add(), execute() …),
and Session, which sends it in packages, cuts large objects in pieces and puts them together,
asks for further messages, and complains about what a device must not do."""

import asyncio
import itertools
import secrets
from dataclasses import dataclass, field, replace

import dm_auth
import syncml
from dm_auth import MAC, MD5
from syncml import Cmd, Cred, Item, Message, Meta

CHUNK_ROOM = 400        # octets of a message that a chunk of a large object leaves free
FROM_DEVICE = ("Status", "Results", "Alert", "Replace")
DEVINFO = ("DevId", "Man", "Mod", "DmV", "Lang")


class DmError(Exception):
    """The device did what no further step can be built upon."""


class Aborted(DmError):
    """Alert 1223 from the device."""


# -- what a management program writes

def get(*uris):
    return Cmd("Get", items=[Item(target=u) for u in uris])


def add(uri, data=None, fmt=None, mime=None):
    return Cmd("Add", items=[value(uri, data, fmt, mime)])


def interior(uri, moi=None):
    return Cmd("Add", items=[Item(target=uri, meta=Meta(format="node", type=moi))])


def put(uri, data, fmt=None, mime=None):
    return Cmd("Replace", items=[value(uri, data, fmt, mime)])


def delete(*uris):
    return Cmd("Delete", items=[Item(target=u) for u in uris])


def copy(source, target):
    return Cmd("Copy", items=[Item(target=target, source=source)])


def execute(uri, correlator=None, data=None, fmt=None):
    return Cmd("Exec", correlator=correlator, items=[value(uri, data, fmt)])


def alert(code, *items, correlator=None):
    return Cmd("Alert", data=str(code), correlator=correlator, items=list(items))


def atomic(*cmds):
    return Cmd("Atomic", children=list(cmds))


def sequence(*cmds):
    return Cmd("Sequence", children=list(cmds))


def value(uri, data=None, fmt=None, mime=None):
    if isinstance(data, bool):
        data, fmt = str(data).lower(), fmt or "bool"
    elif isinstance(data, int):
        data, fmt = str(data), fmt or "int"
    elif isinstance(data, bytes):
        fmt = fmt or "bin"
    elif isinstance(data, str):
        fmt = fmt or "chr"
    meta = Meta(format=fmt, type=mime) if fmt or mime else None
    return Item(target=uri, meta=meta, data=data)


@dataclass
class Reply:
    """What became of one command."""
    cmd: Cmd
    statuses: list = field(default_factory=list)
    results: list = field(default_factory=list)
    chunks: list = field(default_factory=list)  # codes of all chunks but the last
    children: list = field(default_factory=list)

    @property
    def code(self):
        return self.statuses[0].code if self.statuses else None

    @property
    def codes(self):
        """Of each item: {target: code}."""
        return {(s.target_ref or [None])[0]: s.code for s in self.statuses}

    @property
    def value(self):
        return self.results[0].data if self.results else None

    @property
    def values(self):
        return {i.source: i.data for i in self.results}


@dataclass
class GenericAlert:
    correlator: str | None
    source: str | None
    type: str | None
    format: str | None
    mark: str | None
    data: object
    session: str


@dataclass
class Incoming:
    message: Message
    raw: bytes
    coding: str
    head: dict
    answer: asyncio.Future


class Session:
    """One session: what the device sent is answered by run() and end()."""

    def __init__(self, server, first):
        self.server, self.coding = server, first.coding
        self.id, self.device = first.message.session, first.message.source
        self.inbox, self.waiting = asyncio.Queue(), None
        self.last = None            # the last (request, answer), for repetitions
        self.repeats, self.over = 0, False
        self.msg_id, self.their_id = 0, 0
        self.max_msg, self.max_obj = 0, 0
        self.kind, self.devinfo, self.alerts, self.no_end = None, {}, [], []
        self.incoming = None        # the request that waits for our answer
        self.owed, self.index = [], {}
        self.authenticated = False  # the device, by us
        self.accepted = False       # we, by the device
        self.partial = None         # a large object that comes in pieces
        self.messages, self.token = [], secrets.token_hex(4)

    # -- messages

    async def receive(self, timeout=None):
        """The next message of the device."""
        try:
            self.incoming = await asyncio.wait_for(self.inbox.get(),
                                                   timeout or self.server.timeout)
        except TimeoutError:
            raise DmError(f"session {self.id}: nothing from the device in "
                          f"{timeout or self.server.timeout} s") from None
        m = self.incoming.message
        self.messages.append(m)
        self.lint(m)
        self.their_id = int(m.msg) if m.msg.isdigit() else 0
        self.max_msg, self.max_obj = m.max_msg or self.max_msg, m.max_obj or self.max_obj
        return m

    def complain(self, text):
        self.server.complaints.append(f"session {self.id}, message {self.their_id}: {text}")

    def lint(self, m):
        """Rules that hold for each message of a device."""
        if m.ver_dtd != "1.2" or m.ver_proto != "DM/1.2":
            self.complain(f"versions {m.ver_dtd}, {m.ver_proto}")
        if m.msg != str(self.their_id + 1):
            self.complain(f"MsgID {m.msg} after {self.their_id}")
        if len(self.incoming.raw) > self.server.max_msg:
            self.complain(f"{len(self.incoming.raw)} octets, MaxMsgSize {self.server.max_msg}")
        ids = [c.id for c in m.cmds]
        if len(set(ids)) != len(ids):
            self.complain(f"CmdID used twice: {ids}")
        for c in m.cmds:
            if c.name not in FROM_DEVICE:
                self.complain(f"a device must not send {c.name}")
            elif c.name in ("Status", "Results") and not (c.msg_ref and c.cmd_ref):
                self.complain(f"{c.name} {c.id} without MsgRef or CmdRef")
        if self.msg_id:
            head = m.cmds[0] if m.cmds else None
            if head is None or (head.name, head.cmd, head.cmd_ref) != ("Status", "SyncHdr", "0"):
                self.complain("its first command is no Status of the SyncHdr")

    def message(self, cmds, final):
        self.msg_id += 1
        server = self.server
        ids = itertools.count(1)

        def numbered(c):
            return replace(c, id=str(next(ids)), children=[numbered(k) for k in c.children])
        m = Message(self.id, str(self.msg_id), self.device, server.name or server.uri,
                    source_name=server.server_name, final=final, max_msg=server.max_msg,
                    max_obj=server.max_obj, cmds=[numbered(c) for c in self.owed + cmds])
        if server.resp_uri:
            m.resp_uri = f"{server.uri}?sid={self.token}"
        if not self.accepted:
            m.cred = server.own_cred()
        return m

    def send(self, m):
        """Answers the device's request."""
        server = self.server
        m = server.tweak(self, m) or m if server.tweak else m
        body = m if isinstance(m, bytes) else syncml.encode(m, self.coding, **server.how)
        if server.garble:
            body = server.garble(self, body)
        head = {}
        if server.server_auth == MAC:
            head[dm_auth.HMAC_HEADER] = server.own_mac(body)
        self.owed = []
        waiting, self.incoming = self.incoming, None
        waiting.answer.set_result((200, {"Content-Type": syncml.MEDIA[self.coding], **head}, body))

    async def exchange(self, cmds=(), final=True):
        """One message there and one back, with nothing done about what it says."""
        m = self.message(list(cmds), final)
        self.register(m, [Reply(c) for c in cmds])
        self.send(m)
        return await self.receive()

    # -- packages

    def take(self, m):
        """What the device's message says: Statuses and Results go to the Replies, commands
        are answered. Returns the codes that the SyncHdr was given."""
        heads, seen = [], set()
        self.owe(Cmd("Status", msg_ref=m.msg, cmd_ref="0", cmd="SyncHdr",
                     target_ref=[m.target], source_ref=[m.source], data="200"))
        for c in m.cmds:
            if c.name == "Status":
                if (c.cmd, c.cmd_ref) == ("SyncHdr", "0"):
                    heads.append(c.code)
                    if c.chal and c.chal.next_nonce is not None:
                        self.server.server_nonce = c.chal.next_nonce
                    continue
                reply = self.index.get((c.msg_ref, c.cmd_ref))
                if reply is None:
                    self.complain(f"Status {c.code} of {c.cmd} {c.msg_ref}/{c.cmd_ref}, which "
                                  "nobody sent")
                else:
                    reply.statuses.append(c)
                    seen.add((c.msg_ref, c.cmd_ref))
            elif c.name == "Results":
                self.results(c, seen)
            elif c.name == "Alert":
                self.alert(c)
            else:
                if c.name == "Replace":
                    self.devinfo.update({i.source: i.data for i in c.items})
                self.answer(c, 200)
        return heads

    def results(self, c, seen):
        reply = self.index.get((c.msg_ref, c.cmd_ref))
        if reply is None:
            self.complain(f"Results of {c.msg_ref}/{c.cmd_ref}, which nobody asked for")
            return
        if not reply.statuses and not reply.cmd.no_resp:
            self.complain(f"Results of {c.msg_ref}/{c.cmd_ref} before their Status")
        for item in c.items:
            if item.meta is None and c.meta is not None:
                item.meta = c.meta
            if self.partial is not None:
                whole = self.partial
                if item.source not in (None, whole.source):
                    self.complain(f"{item.source} between the chunks of {whole.source}")
                whole.data += item.data
                if item.meta and item.meta.size is not None:
                    self.complain("Size in a chunk that is not the first")
            else:
                whole = item
                if item.more and not (item.meta and item.meta.size is not None):
                    self.complain("a large object without Size")
            self.partial = whole if item.more else None
            if item.more:
                self.answer(c, 213)
                continue
            if whole is not item:
                size = len(whole.data if isinstance(whole.data, bytes) else whole.data.encode())
                if size != whole.meta.size:
                    self.complain(f"{whole.source}: {size} octets came, Size {whole.meta.size}")
                whole.more = False
            reply.results.append(whole)

    def alert(self, c):
        if c.code == 1223:
            self.over = True
            raise Aborted(f"session {self.id}: the device aborts")
        if c.code in (1200, 1201):
            self.kind = c.code
        elif c.code == 1225:
            self.no_end += [i.target or i.source for i in c.items] or [None]
        elif c.code == 1226:
            for i in c.items:
                meta = i.meta or Meta()
                got = GenericAlert(c.correlator, i.source, meta.type, meta.format, meta.mark,
                                   i.data, self.id)
                self.alerts.append(got)
                self.server.alerts.append(got)
        elif c.code not in (1222, 1224):
            self.complain(f"Alert {c.data}")
        self.answer(c, self.server.alert_status if c.code == 1226 else 200)

    def owe(self, status):
        self.owed.append(status)

    def answer(self, c, code):
        if not c.no_resp:
            self.owe(Cmd("Status", msg_ref=str(self.their_id), cmd_ref=c.id, cmd=c.name,
                         data=str(code),
                         source_ref=[i.source for i in c.items if i.source][:1]))

    async def open(self):
        """Package 1, until it is whole and the device is who it says."""
        tries = 0
        while True:
            m = await self.receive()
            if self.their_id == 1 and m.named("Status"):
                self.complain("a Status in the first message")
            self.owed = []
            self.accepted = 212 in self.take(m) or self.accepted
            code, chal = self.server.judge(self, self.incoming)
            head = self.owed[0]
            head.data, head.chal = str(code), chal
            if code in (200, 212):
                self.authenticated = True
                if m.final:
                    break
                self.send(self.message([alert(1222)], True))
                continue
            for status in self.owed[1:]:
                status.data = str(code)
            self.alerts.clear()
            tries += 1
            self.send(self.message([], True))
            if tries > self.server.tries:
                self.over = True
                raise DmError(f"session {self.id}: the device does not authenticate ({code})")
        self.whole_devinfo()
        return self

    def whole_devinfo(self):
        if self.kind is None:
            self.complain("no Alert 1200 or 1201 in package 1")
        missing = [n for n in DEVINFO if f"./DevInfo/{n}" not in self.devinfo]
        if missing:
            self.complain(f"package 1 without {missing}")

    async def run(self, *cmds, final=True):
        """A package of the server, and what the device says to it: a Reply for each."""
        for _ in range(self.server.tries + 1):
            replies = [self.reply(c) for c in cmds]
            head = await self.package(replies, final)
            if head not in (401, 407):
                return replies
        self.over = True
        raise DmError(f"session {self.id}: the device does not accept us ({head})")

    def reply(self, cmd):
        return Reply(cmd, children=[self.reply(c) for c in cmd.children])

    async def package(self, replies, final):
        left = list(replies)
        while True:
            now, last = self.portion(left)
            if not replies:
                now = []
            m = self.message([c for _, c in now], last and final)
            self.register(m, [r for r, _ in now])
            self.send(m)
            got = await self.receive()
            before = {id(r): len(r.statuses) for r, _ in now}
            heads = self.take(got)
            self.judge_again()
            if heads and heads[0] in (401, 407):
                return heads[0]
            if 212 in heads or not self.server.server_auth:
                self.accepted = True
            for r, c in now:
                if c.items and c.items[-1].more:    # a chunk
                    r.chunks += [s.code for s in r.statuses[before[id(r)]:]]
                    if r.chunks[-1:] == [213]:
                        del r.statuses[before[id(r)]:]
                    elif r in left:                 # refused: no further chunk
                        left.remove(r)
            if left and any(c.code == 1222 for c in got.named("Alert")):
                continue    # it waits for more; else it has more to say
            while self.partial or not got.final and not (
                    left and any(c.code == 1222 for c in got.named("Alert"))):
                m = self.message([alert(1222)], True)
                self.register(m, [Reply(m.cmds[-1])])
                self.send(m)
                got = await self.receive()
                heads += self.take(got)
                self.judge_again()
            if left:
                continue
            for r in replies:
                self.whole(r)
            return heads[0] if heads else None

    def judge_again(self):
        """A message of a device that has authenticated itself; each one with HMAC."""
        if self.server.client_auth == MAC:
            code, chal = self.server.judge(self, self.incoming)
            self.owed[0].data, self.owed[0].chal = str(code), chal
            if code != 200:
                self.complain("the HMAC is wrong")

    def whole(self, r):
        if not r.statuses and not r.cmd.no_resp:
            self.complain(f"no Status for {r.cmd.name} {r.cmd.item.target or ''}")
        for c in r.children:
            self.whole(c)

    def register(self, m, replies):
        """Which Reply belongs to which CmdID of the message."""
        def one(cmd, reply):
            self.index[(m.msg, cmd.id)] = reply
            for c, r in zip(cmd.children, reply.children):
                one(c, r)
        for cmd, reply in zip(m.cmds[len(m.cmds) - len(replies):], replies):
            one(cmd, reply)

    # -- sizes

    def portion(self, left):
        """What of left goes into the next message: [(Reply, Cmd)], and whether that is all.
        Takes from left what is done with; a large object stays until its last chunk."""
        limit = min(self.max_msg or 1 << 20, self.server.out_limit)
        room = limit - len(syncml.encode(Message(
            self.id, "99", self.device, self.server.uri, self.server.server_name,
            cred=Cred(MD5, "x" * 24), resp_uri=self.server.uri + "?sid=12345678", cmds=[
                replace(c, id="1") for c in self.owed], max_msg=1, max_obj=1), self.coding)) - 64
        now = []
        while left:
            r = left[0]
            c = getattr(r, "rest", None) or r.cmd
            size = self.size(c)
            if size <= room:
                now.append((r, c))
                room -= size
                left.pop(0)
                continue
            data = c.items[-1].data if len(c.items) == 1 else None
            if now or not isinstance(data, (str, bytes)):
                if not now:
                    raise DmError(f"{c.name} of {size} octets fits no message of {limit}")
                return now, False
            piece = self.fitting(c, room)
            item = c.items[0]
            meta = item.meta or Meta()
            if r.cmd is c:
                raw = data if isinstance(data, bytes) else data.encode()
                meta = replace(meta, size=self.server.large_size(item.target, len(raw)))
            now.append((r, replace(c, items=[replace(item, meta=meta, data=data[:piece],
                                                     more=True)])))
            r.rest = replace(c, items=[replace(item, data=data[piece:])])
            return now, False
        return now, True

    def size(self, c):
        def numbered(c):
            return replace(c, id="999", children=[numbered(k) for k in c.children])
        return len(syncml.encode(Message(cmds=[numbered(c)]), self.coding)) - \
            len(syncml.encode(Message(), self.coding))

    def fitting(self, c, room):
        """Units of the data that fit; with bytes a multiple of three, for base64."""
        item, data = c.items[0], c.items[0].data
        fixed = self.size(replace(c, items=[replace(item, data=data[:0])]))
        n = max(3, (room - fixed - CHUNK_ROOM // 4) * 3 // 4)
        n = min(n, len(data) - 1)
        while n > 1 and self.size(replace(c, items=[replace(item, data=data[:n])])) + 32 > room:
            n = n * 3 // 4
        return n - n % 3 if n > 3 else n

    # -- the end

    async def end(self):
        """Package 4 without a command: the device does not answer."""
        if not self.over:
            self.over = True
            if self.incoming is None:
                await self.receive()
                self.take(self.messages[-1])
            self.send(self.message([], True))

    async def abort(self):
        """Alert 1223."""
        self.over = True
        self.send(self.message([alert(1223)], True))
