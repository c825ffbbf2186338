# SPDX-License-Identifier: Apache-2.0
"""The part of dm-kill.py that strikes at every APDU: of an operation, and of an Atomic."""

import time
from dataclasses import dataclass

import cap
from dm_axe import DmError, Struck, World, tell
from dm_bench import APP, MODULE, PKG, SE, entry, need
from dm_iot_care import codes_of, refused_install
from dm_session import atomic, execute, get, interior, put
from tap import tap

DOMAIN = bytes.fromhex("F0534553414D4501")
SECOND = bytes.fromhex("F0534553414D4502")
AT = entry("Application", APP)
NODE = f"{SE}/Package/app"


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
        await b.until(lambda: b.card.happened, f"APDU {k}", lambda: b.card.count)
        if not killed:
            await b.finish(session, correlator)
            await session.end()
    except Struck:
        pass
    ran = b.card.struck_at - mark
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


# -- Atomic on the card

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
    # it may be one of those with which semd looks at the card behind its answer
    await b.until(lambda: b.card.happened, f"APDU {k}", lambda: b.card.count)
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
    await gone(points)


async def gone(points):
    """The SE goes while an Atomic is carried out or undone, and is not back for its answer."""
    wrong, tried, began, said = [], 0, time.monotonic(), []
    async with World() as b:
        full = (await prepare(b))[1].picture
        await b.restore(full)
        before = await card_of(b)
        await b.restore(full)
        session = await b.session()
        await b.quiet()
        b.card.arm(None, 0, None)
        await session.run(on_card(b, True)[0])
        n = b.card.count
        await session.end()
        for k in points(n, 1):
            tried += 1
            try:
                said.append(await one_gone(b, full, k, before))
            except (AssertionError, DmError, TimeoutError) as e:
                wrong.append(f"APDU {k}: {' '.join(str(e).split())[:400]}")
    if 1503 not in said:
        wrong.append(f"no point in the midst of the roll-back: {said}")
    tell(f"an Atomic that fails, the SE goes for good "
         f"({', '.join(f'{said.count(c)} of {c}' for c in sorted(set(said)))})",
         wrong, tried, began)


async def one_gone(b, picture, k, before):
    """The ResultCode of all of it."""
    await b.restore(picture)
    session = await b.session()
    await b.quiet()
    command, names = on_card(b, True)
    carriers = (AT, SE, entry("LoadFile", PKG))
    b.card.arm("gone", k, b.stack.semd)
    reply, = await session.run(command)
    await b.until(lambda: b.card.happened, f"APDU {k}", lambda: b.card.count)
    outer, inner = codes_of(reply)
    need(outer == 507 and len(inner) == 3 and len(set(inner)) == 1 and inner[0] in (216, 516),
         "Status", (outer, inner))
    results = {(await b.values(session, c, "ResultCode")).get("ResultCode") for c in carriers}
    code = {216: "1420", 516: "1503"}[inner[0]]
    need(results == {code}, "ResultCode", (inner, results))
    # the tree is all there, and changes
    put_, aid, entry_ = await session.run(put(f"{SE}/Parameter/AID", SECOND),
                                          get(f"{SE}/Parameter/AID"), get(AT))
    need((put_.code, aid.value, entry_.code) == (200, SECOND, 200), "the tree",
         (put_.code, aid.value, entry_.code))
    need(not [a for a in b.server.alerts if a.correlator in names], "Status, and no alert")
    need(b.stack.semd.poll() is None, "semd is there")
    b.card.start()
    await b.leaf(session, f"{SE}/Link", lambda now: now == "20", "Link 20")
    await b.quiet()
    await session.run(*[execute(f"{c}/Operations/Clear") for c in carriers])
    now = await b.registry(session)
    need(code != "1420" or now == before, "1420, but the card is", now)
    # what is not undone is the server's to mend, with another Atomic
    locked = now[APP].state_name == "LOCKED"
    need(locked or now == before, "nothing but what was done first is left", now)
    for _ in range(2):
        reply, = await session.run(atomic(execute(f"{AT}/Operations/Unlock", b.correlator()))
                                   if locked else on_card(b, False)[0])
        mended = codes_of(reply)
        await session.run(*[execute(f"{c}/Operations/Clear") for c in carriers])
        if mended[0] == 200:
            break
        # it went while the device proved its keys: the owner has to allow another attempt
        need(set(mended[1]) == {216} and await b.registry(session) == now, "refused: nothing ran",
             mended)
        await b.thread(b.allow)
    need(mended[0] == 200 and set(mended[1]) == {200}, "the next Atomic", mended)
    card_now = await b.registry(session)
    need((card_now[APP].state_name == "LOCKED") != locked, "and the card's own list", card_now)
    await session.end()
    need(not b.server.complaints, "no complaint", b.server.complaints[:2])
    return int(code)
