#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DM servers that misbehave, against semd: messages that are none, messages that break the
rules, HTTP that breaks off. Each time the client answers with a Status by the book or ends
the session, the next session is a good one, memory stays bounded, and the log has neither
secrets nor a line for each. Prints TAP; run inside the Debian 13 root."""

import asyncio
import os
import random
import re
import sys
import time
from dataclasses import replace

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from dm_bench import PATIENCE, SE, Bench, Fail, need  # noqa: E402
import dm_auth  # noqa: E402
import syncml  # noqa: E402
import wbxml  # noqa: E402
from dm_server import Fault  # noqa: E402
from dm_session import (  # noqa: E402
    Aborted, Cmd, DmError, Item, add, alert, atomic, execute, get, put)
from syncml import XML, Cred, Meta  # noqa: E402
from tap import tap  # noqa: E402

GROWTH = 4096   # KiB that semd may be bigger afterwards
SAN = os.environ.get("V") == "san"


def rss(b):
    with open(f"/proc/{b.stack.semd.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def peak(b):
    with open(f"/proc/{b.stack.semd.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


async def opened(session):
    """It, authenticated; None: the end of one that began with a message of somebody else."""
    try:
        return await session.open()
    except Aborted:
        session.send(session.message([], True))
        return None


async def begin(b):
    """A session that a local user has asked for: how many notifications are taken in a second
    is limited."""
    await b.sectl("dm", "session", "iot", check=False)   # one may be on its way already
    while not (session := await opened(await b.server.raw_session())):
        pass
    need(session.coding == b.coding, "the coding of package 1", session.coding)
    return session


async def alone(b):
    """Ends sessions that were asked for while another one went on."""
    while not (await b.calm() and b.server.sessions.empty()):
        if not b.server.sessions.empty():
            if session := await opened(await b.server.raw_session()):
                await session.end()


async def good(b):
    """A session as it should be, whatever state the last one left nonces in."""
    session = await begin(b)
    man, = await session.run(get("./DevInfo/Man"))
    await session.end()
    need(man.code == 200, "a good session", man.code)
    b.server.complaints.clear()
    b.server.alerts.clear()


async def after(b, session):
    """What the device does next: a message in this session, or None. It is asked for another
    one, which does not begin before this one is over."""
    here = asyncio.ensure_future(session.inbox.get())
    other = asyncio.ensure_future(b.server.sessions.get())
    await asyncio.wait({here}, timeout=0.02)
    if not here.done():
        await b.sectl("dm", "session", "iot", check=False)
    done, pending = await asyncio.wait({here, other}, timeout=PATIENCE,
                                       return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if other in done:
        session.over = True
        if next_one := await opened(other.result()):
            await next_one.end()
    if here not in done:
        need(done, "the session ends", "it neither ends nor goes on")
        return None
    session.incoming = here.result()
    m = session.incoming.message
    session.messages.append(m)
    if any(c.code == 1223 for c in m.named("Alert")):
        session.over = True
        session.send(session.message([], True))
        return None
    return m


async def hostile(b, name, mangle, codes=()):
    """One wrong message as package 2. codes: what a Status in the answer may say; 200: it may
    be taken for what it is not."""
    claim = f"{name} ({b.coding})"
    try:
        session = await begin(b)
        b.server.garble = lambda s, body: mangle(body)
        try:
            session.send(session.message([get("./DevInfo/Man")], True))
        finally:
            b.server.garble = None
        got = await after(b, session)
        shown = "the session ends"
        if got is not None:
            session.owed = []
            session.take(got)
            said = {c.code for c in got.named("Status")} - {200, 212, 213} or {200}
            shown = "Status " + " ".join(map(str, sorted(said)))
            need(said <= set(codes), "a Status by the book", shown)
            await session.end()
        session.over = True
        await good(b)
        tap(True, claim, shown)
    except (DmError, Fail) as e:
        tap(False, claim, str(e))
        await recover(b)


async def recover(b):
    """A new semd after something that it did not get over."""
    b.server.garble = b.server.tweak = None
    b.server.faults.clear()
    await b.restart(9)
    await good(b)


# -- messages that are none

def xml_messages():
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 10))

    def head(doctype, text=b"&l9;"):
        return lambda m: m.replace(b"?>", b"?>" + doctype, 1).replace(b"./DevInfo/Man", text)
    here = os.path.join(HERE, "dm-bad.py").encode()
    yield "a bomb of entities", head(b'<!DOCTYPE SyncML [<!ENTITY l0 "ha">' + laughs + b"]>")
    yield "an entity that is itself", head(b'<!DOCTYPE SyncML [<!ENTITY l9 "&l9;">]>')
    yield "an entity out of a file", head(
        b'<!DOCTYPE SyncML [<!ENTITY l9 SYSTEM "file://' + here + b'">]>')
    yield "parameter entities", head(
        b'<!DOCTYPE SyncML [<!ENTITY % p SYSTEM "file://' + here + b'">%p;]>')
    yield "many internal entities", head(b"<!DOCTYPE SyncML [" + b"".join(
        b'<!ENTITY e%d "x">' % i for i in range(20000)) + b"]>", b"x")
    yield "an entity that is not there", lambda m: m.replace(b"./DevInfo/Man", b"&nothing;")
    yield "20000 elements within each other", lambda m: m.replace(
        b"<Final/>", b"<A>" * 20000 + b"</A>" * 20000 + b"<Final/>")
    yield "commands 2000 deep", lambda m: m.replace(
        b"<Final/>", b"<Atomic><CmdID>9</CmdID>" * 2000 + b"</Atomic>" * 2000)
    yield "20000 attributes", lambda m: m.replace(b"<Get>", b"<Get " + b" ".join(
        b'a%d="1"' % i for i in range(20000)) + b">")
    yield "a name of 200 KB", lambda m: m.replace(b"Get>", b"G" * 200000 + b">")
    yield "half a message", lambda m: m[:len(m) // 2]
    yield "two messages", lambda m: m + m
    yield "nothing", lambda m: b""
    yield "a NUL", lambda m: m.replace(b"DevInfo", b"Dev\0Info")
    yield "UTF-16", lambda m: m.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    yield "no UTF-8", lambda m: m.replace(b"DevInfo", b"Dev\xff\xfeInfo")
    yield "a CDATA section without end", lambda m: m.replace(b"<Final/>", b"<![CDATA[")
    yield "another root", lambda m: m.replace(b"SyncML", b"SyncMl")
    yield "WBXML that says it is XML", lambda m: syncml.encode(syncml.decode(m, XML), "wbxml")
    yield "an XInclude", lambda m: m.replace(
        b"<Final/>", b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" '
        b'href="file://' + here + b'"/><Final/>')


def wbxml_messages():
    def body(m):    # version, public identifier, charset, length of an empty table
        need(m[:5] == b"\x02\xa4\x01\x6a\x00", "the server's usual form", m[:5].hex())
        return m[5:]

    def head(raw):
        return lambda m: raw + body(m)
    yield "version 0x7F", head(b"\x7f\xa4\x01\x6a\x00")
    yield "a public identifier of nobody", head(b"\x02\xff\x7f\x6a\x00")
    yield "another character set", head(b"\x02\xa4\x01\x04\x00")
    yield "a table longer than the message", head(b"\x02\xa4\x01\x6a\x8f\xff\xff\x7f")
    yield "a table of 4 GiB", head(b"\x02\xa4\x01\x6a\x8f\xff\xff\xff\x7f")
    yield "an integer without end", head(b"\x02\xa4\x01\x6a" + b"\xff" * 12)
    yield "the name of the DTD is outside of the table", head(b"\x02\x00\x50\x6a\x03abc")
    yield "a table without an end", lambda m: b"\x02\xa4\x01\x6a\x03abc" + body(m).replace(
        b"\x03./DevInfo/Man\0", b"\x83\x00")
    tag = b"\x57\x03./DevInfo/Man\0\x01"    # LocURI

    def inside(raw):
        def change(m):
            need(tag in m, "the Get's LocURI")
            return m.replace(tag, raw)
        return change
    yield "a string at the end of nowhere", inside(b"\x57\x83\xff\x7f\x01")
    yield "an OPAQUE of 4 GiB", inside(b"\x57\xc3\x8f\xff\xff\xff\x7f\x01")
    yield "an OPAQUE longer than the message", inside(b"\x57\xc3\xff\x7fabc\x01")
    yield "page 9", inside(b"\x00\x09\x57\x01")
    yield "page 255", inside(b"\x00\xff\x57\x01")
    yield "a tag that there is not", inside(b"\x7f\x01")
    yield "a LITERAL", inside(b"\x44\x00\x01")
    yield "attributes", inside(b"\xd7\x05\x01\x01")
    yield "an extension", inside(b"\x57\x40abc\0\x01")
    yield "an entity above Unicode", inside(b"\x57\x02\x8f\xff\xff\xff\x7f\x01")
    yield "a processing instruction", inside(b"\x43\x01")
    yield "no UTF-8", inside(b"\x57\x03./\xff\xfe\0\x01")
    yield "ENDs too many", lambda m: m + b"\x01" * 50
    yield "20000 elements within each other", lambda m: m[:5] + b"\x6d\x6b" + b"\x48" * 20000
    yield "half a message", lambda m: m[:len(m) // 2]
    yield "one octet less", lambda m: m[:-1]
    yield "five octets", lambda m: m[:5]
    yield "nothing", lambda m: b""
    yield "XML that says it is WBXML", lambda m: syncml.to_xml(wbxml.decode(m))

    def blow_up(m):     # a text of 16 KB, 5000 times from the table
        long = b"x" * 16384 + b"\0"
        many = b"\x54\x6e\x57\x83\x00\x01\x01\x01" * 5000   # Item, Target, LocURI
        return b"\x02\xa4\x01\x6a" + wbxml.mb(len(long)) + long + body(m).replace(
            b"\x54\x6e" + tag + b"\x01\x01", many)
    yield "5000 times 16 KB from the table", blow_up


async def messages(b):
    for name, mangle in (xml_messages() if b.coding == XML else wbxml_messages()):
        await hostile(b, name, mangle, codes=(400, 404, 406, 412, 413, 414, 500))


# -- messages that break the rules

def changed(**fields):
    """The same message with another header."""
    def change(coding):
        return lambda raw: syncml.encode(replace(syncml.decode(raw, coding), **fields), coding)
    return change


def with_cmds(change):
    """The same message with other commands."""
    def at(coding):
        def mangle(raw):
            m = syncml.decode(raw, coding)
            m.cmds = change(m.cmds)
            return syncml.encode(m, coding)
        return mangle
    return at


def nested(n):
    cmd = put("./DMAcc/x/Name", "x")
    for _ in range(n):
        cmd = replace(atomic(cmd), id="7")
    return cmd


TOLERATED = ("MsgID 0", "MsgID in words", "MsgID of 30 digits", "another device is the target",
             "a source of 3000 characters", "a RespURI to another place")


async def headers(b):
    for name, fields in (
            ("VerProto DM/9", {"ver_proto": "DM/9"}), ("VerDTD 7", {"ver_dtd": "7"}),
            ("another session", {"session": "77AA"}), ("no session", {"session": ""}),
            ("MsgID 0", {"msg": "0"}), ("MsgID in words", {"msg": "one"}),
            ("MsgID of 30 digits", {"msg": "9" * 30}),
            ("another device is the target", {"target": "urn:uuid:other"}),
            ("a source of 3000 characters", {"source": "http://x/" + "y" * 3000}),
            ("a RespURI to another place", {"resp_uri": "file:///etc/passwd"}),
            ("MaxMsgSize 1", {"max_msg": 1}),
            ("a digest that is wrong", {"cred": Cred(dm_auth.MD5, "A" * 22 + "==")}),
            ("a digest that is no base64", {"cred": Cred(dm_auth.MD5, "?" * 30)}),
            ("credentials of a kind of its own", {"cred": Cred("x:own", "QQ==")}),
            ("Basic instead of MD5", {"cred": Cred(dm_auth.BASIC, dm_auth.basic(
                b.server.server_name, b.server.server_secret))})):
        await hostile(b, name, changed(**fields)(b.coding), codes=(
            200 if name in TOLERATED else 0, 400, 401, 402, 404, 407, 409, 412, 415, 500, 503, 505,
            513))


def chunk(target, **meta):
    return Cmd("Replace", items=[Item(target, meta=Meta("bin", **meta), data=b"abc", more=True)])


async def commands(b):
    here = "./DMAcc/bad"
    long = "./" + "/".join(["segment"] * 200)
    unlike = [
        ("no CmdID", lambda c: c[:-1] + [replace(c[-1], id=None)], (400, 412)),
        ("one CmdID twice", lambda c: c + [replace(get("./None"), id=c[-1].id)], (400, 404, 409)),
        ("a Status for nobody", lambda c: [replace(c[0], msg_ref="77")] + c[1:],
         (200, 404)),
        ("no Status for the SyncHdr", lambda c: c[1:], (200, 401, 407)),
        ("300 unknown commands", lambda c: c + [Cmd("Search", str(90 + i)) for i in range(300)],
         (406,)),
        ("Atomic 12 deep", lambda c: c + [replace(nested(12), id="90")],
         (400, 404, 406, 412, 500, 507, 215)),
        ("a Copy without a source", lambda c: c + [Cmd("Copy", "90", items=[Item("./A")])],
         (400, 404, 405, 406, 412)),
        ("a Results from the server", lambda c: c + [Cmd("Results", "90", msg_ref="1",
                                                         cmd_ref="2")], (405, 406, 400)),
        ("an Add without Data at ''", lambda c: c + [Cmd("Add", "90", items=[Item("")])],
         (400, 404, 405, 412, 418, 425)),
        ("Alert 4711", lambda c: c + [Cmd("Alert", "90", data="4711")], (400, 405, 406, 415)),
        ("an Alert without a number", lambda c: c + [Cmd("Alert", "90")], (400, 406, 412, 415)),
        ("an Exec of what cannot be executed", lambda c: c + [replace(execute(
            "./DevInfo/Man"), id="90")], (405,)),
    ]
    for name, uri, codes in (
            ("a URI 200 deep", long, (404, 414)), ("a URI of 900", "./" + "a" * 900, (404, 414)),
            ("dots in a URI", "./DevInfo/../DMAcc", (400, 404)),
            ("//", "./DevInfo//Man", (400, 404)),
            ("%00", "./DevInfo/%00", (400, 404)), ("an absolute URI", "http://x/y", (400, 404)),
            ("a query of nobody", "./DevInfo?list=Everything", (400, 404, 406)),
            ("two queries", "./DevInfo?list=TNDS?prop=ACL", (400, 404, 406, 405))):
        unlike.append((name, lambda c, u=uri: c + [replace(get(u), id="90")], codes))
    for name, cmd, codes in (
            ("a large object without Size", chunk(f"{here}/Name"), (411, 404)),
            ("a large object of 1 TiB", chunk(f"{SE}/APDU/x/Command", size=1 << 40), (413, 404)),
            ("a large object of 2^70", chunk(f"{SE}/APDU/x/Command", size=1 << 70),
             (400, 404, 411, 413)),
            ("a value of 300 KB in the tree", add(f"{here}/Name", "x" * 300000), (404, 413)),
            ("base64 that is none", Cmd("Add", items=[Item(f"{here}/Name", meta=Meta("b64"),
                                                           data="???")]), (400, 404, 415))):
        unlike.append((name, lambda c, k=cmd: c + [replace(k, id="90")], codes))
    for name, change, codes in unlike:
        await hostile(b, name, with_cmds(change)(b.coding), codes=codes)


async def session_of(b):
    session = await begin(b)
    await session.run(get("./DevInfo/Man"))
    return session


async def floods(b):
    """Much of what is allowed."""
    before = rss(b)
    session = await session_of(b)
    replies = await session.run(*[get("./DevInfo/Man")] * 2000)
    need({r.code for r in replies} == {200}, "2000 Gets")
    replies = await session.run(*[get(".?list=TNDS")] * 20)
    need({r.code for r in replies} <= {200, 413}, "20 times the whole tree",
         {r.code for r in replies})
    tap(True, f"2000 Gets, 20 times the whole tree ({b.coding})", f"{rss(b) - before} KiB more")
    for _ in range(300):    # never Final
        m = session.message([], False)
        session.send(m)
        session.take(await session.receive())
    tap(True, f"300 messages without Final ({b.coding})", f"{rss(b) - before} KiB more")
    for _ in range(100):
        session.send(session.message([alert(1222)], True))
        session.take(await session.receive())
    await session.end()
    tap(rss(b) - before < GROWTH or SAN, f"memory of semd after it ({b.coding})",
        f"{rss(b) - before} KiB more")
    await good(b)


async def same_again(b):
    """The answer of the server comes twice: nothing runs twice."""
    session = await session_of(b)
    node = f"{SE}/APDU/again"
    await session.run(Cmd("Add", items=[Item(node, meta=Meta("node"))]))
    m = session.message([Cmd("Add", items=[Item(f"{SE}/APDU/twice", meta=Meta("node"))])], True)
    session.send(m)
    first = await session.receive()
    raw, session.last = session.incoming.raw, None
    session.send(m)
    second = await session.receive()
    codes = [c.code for c in second.named("Status")]
    tap(session.incoming.raw == raw and 418 not in codes,
        f"a message twice: the same answer ({b.coding})", str(codes))
    b.server.complaints.clear()
    session.take(first)
    session.their_id = int(first.msg)
    await session.run(Cmd("Delete", items=[Item(node)]),
                      Cmd("Delete", items=[Item(f"{SE}/APDU/twice")]))
    await session.end()
    await good(b)


async def challenges(b):
    """A server that is never content, one that shows old credentials, one without."""
    server = b.server
    await alone(b)
    before = len(server.requests)
    await b.sectl("dm", "session", "iot")
    session = await server.raw_session()
    judge, server.judge = server.judge, lambda s, i: (401, Meta("b64", dm_auth.MD5,
                                                                next_nonce=b"x" * 16))
    tries, server.tries = server.tries, 50
    opening = asyncio.ensure_future(session.open())
    try:
        said = await b.failed()
        n = len(server.requests) - before
        tap(not opening.done() and 1 < n <= 4,
            f"401 again and again: the client ends it ({b.coding})",
            f"{n} messages, {said['error']}")
    finally:
        opening.cancel()
        session.over = True
        server.judge, server.tries = judge, tries
    await good(b)
    session = await begin(b)    # recorded credentials in a new session
    old = server.own_cred()
    await session.run(get("./DevInfo/Man"))
    await session.end()
    await hostile(b, "credentials over a nonce of before", changed(cred=old)(b.coding), (401,))
    session = await begin(b)
    m = session.message([get("./DevInfo/Man"), add("./DMAcc/evil", None, "node")], True)
    m.cred = None
    session.send(m)
    got = await after(b, session)
    codes = {c.code for c in got.named("Status")} if got else set()
    tap(not got or codes <= {407, 401} and not got.named("Results"),
        f"a server without credentials gets nothing ({b.coding})", str(codes or "the end"))
    if got:
        session.take(got)
        await session.end()
    await good(b)


async def transport(b):
    """HTTP that breaks off or says something else."""
    page = b"<html><body>Please log in</body></html>"
    for name, fault in (
            ("a connection that is closed", Fault("drop")), ("half an answer", Fault("cut")),
            ("a request that is not read", Fault("lose")),
            ("503 with Retry-After", Fault("status", 503, {"Retry-After": "1"})),
            ("500", Fault("status", 500)), ("404", Fault("status", 404)),
            ("204", Fault("status", 204)),
            ("a redirection", Fault("status", 302, {"Location": "http://127.0.0.1:1/"})),
            ("a log-in page", Fault("replace", 200, body=page, media="text/html")),
            ("a log-in page that says it is a message", Fault("replace", 200, body=page)),
            ("a media type of 5000 characters", Fault("replace", 200, body=page, media="x" * 5000)),
            ("a head of 300 KB", Fault("status", 200, {f"X-{i}": "y" * 3000 for i in range(100)})),
            ("a body without end", Fault("endless", 200, body=b" " * 65536))):
        before, n = rss(b), len(b.server.requests)
        b.server.faults = [fault]
        await b.sectl("dm", "session", "iot", check=False)
        if fault.kind in ("drop", "cut"):   # the same message again, in the same session
            session = await b.server.session()
            man, = await session.run(get("./DevInfo/Man"))
            need(man.code == 200 and session.repeats == 1, "the session goes on", man.code)
            await session.end()
        else:
            await b.until(lambda: len(b.server.requests) > n and not b.server.faults, "a session")
        await good(b)
        b.server.faults.clear()
        tap(rss(b) - before < GROWTH or SAN, f"{name} ({b.coding})", f"{rss(b) - before} KiB more")
    tap(b.server.poured < 16 << 20, f"a body without end is not taken ({b.coding})",
        f"{b.server.poured >> 10} KiB")


async def noise(b):
    """Octets changed at random places."""
    rnd = random.Random(20)

    def spoil(raw):
        raw = bytearray(raw)
        for _ in range(rnd.randrange(1, 6)):
            raw[rnd.randrange(len(raw))] = rnd.randrange(256)
        return bytes(raw)
    n = ended = 0
    for _ in range(60):
        session = await begin(b)
        b.server.garble = lambda s, body: spoil(body)
        session.send(session.message([get("./DevInfo/Man"), get("./DMAcc?list=StructData")], True))
        b.server.garble = None
        got = await after(b, session)
        n, ended = n + 1, ended + (got is None)
        if got is not None:
            session.send(session.message([alert(1223)], True))
        session.over = True
        b.server.complaints.clear()
        if b.stack.semd.poll() is not None:
            break
        await good(b)
    tap(b.stack.semd.poll() is None, f"{n} messages with octets changed ({b.coding})",
        f"{ended} ended the session")


async def log_of(b):
    text = b.stack.text("semd.log")
    secrets = [s for x in (b.server.client_secret, b.server.server_secret)
               for s in (x.decode(), dm_auth.b64(x), x.hex())]
    nonce = re.findall(r"[A-Za-z0-9+/]{22}==", text)
    tap(not [s for s in secrets if s in text] and not nonce,
        f"no secret and no digest in the log ({b.coding})", str(nonce[:2]))
    sessions = sum(1 for _, _, body in b.server.requests if b"1200" in body or b"1201" in body)
    tap(len(text.splitlines()) < 5 * max(sessions, 20),
        f"the log has a few lines for a session ({b.coding})",
        f"{len(text.splitlines())} lines, {sessions} sessions")


TESTS = (messages, headers, commands, floods, same_again, challenges, transport, noise)


async def every(coding, only):
    # the first pause before a message goes again is a thirtieth of it
    async with Bench(coding, device={"retry": "9"}) as b:
        await good(b)
        await good(b)
        before = rss(b)
        for test in TESTS:
            if only and test.__name__ not in only:
                continue
            began = time.monotonic()
            try:
                await test(b)
            except (DmError, Fail, asyncio.TimeoutError) as e:
                tap(False, f"{test.__name__} ({coding})", f"{type(e).__name__}: {e}")
                await recover(b)
                before = rss(b)
            print(f"# {coding} {test.__name__}: {time.monotonic() - began:.1f} s", flush=True)
        await log_of(b)
        tap(rss(b) - before < GROWTH or SAN, f"memory of semd after all of it ({coding})",
            f"{before} KiB before, {rss(b)} after, {peak(b)} at most")


async def main():
    both = {"xml", "wbxml"}
    only = set(sys.argv[1:])
    await asyncio.gather(*(every(coding, only - both) for coding in sorted(only & both or both)))
    return tap.done()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
