# SPDX-License-Identifier: Apache-2.0
"""Cases 321 to 342 of Documentation/dm/iot.rst: what a server can rely on."""

import signal

import cap
import script
from dm_bench import APP, MODULE, PKG, SE, Bench, case, entry, need, result
from dm_iot_se import (DOMAIN, ENDLESS, SLOW, count, counted, domain, drop, instantiate,
                       slow)
from dm_iot_tree import Two, script_node
from dm_session import atomic, delete, execute, get, interior, put

LOCK = f"{entry('Application', APP)}/Operations/Lock"
UNLOCK = f"{entry('Application', APP)}/Operations/Unlock"
CREATE = f"{SE}/Operations/CreateSecurityDomain"


def channels(b):
    """Secure channels that the card has seen opened."""
    return sum(1 for w in b.stack.apdus() if w[3][2:4] == "82")


async def cleared(session, *carriers):
    await session.run(*[execute(f"{c}/Operations/Clear") for c in carriers])


def codes_of(a):
    """The last Status of the Atomic, and of each Exec in it."""
    return a.statuses[-1].code, [c.statuses[-1].code for c in a.children
                                 if c.cmd.name == "Exec" and c.statuses]


@case(321, "Atomic: all of it")
async def all_of_it(b):
    session = await b.session()
    await b.application(session)
    await cleared(session, SE, entry("Application", APP))
    alerts, opened = len(b.server.alerts), channels(b)
    a, = await session.run(atomic(execute(LOCK, b.correlator()),
                                  put(f"{SE}/Parameter/AID", DOMAIN),
                                  execute(CREATE, b.correlator())))
    need(codes_of(a) == (200, [200, 200]), "Status", codes_of(a))
    opened = channels(b) - opened
    card = await b.registry(session)
    need(card[APP].state_name == "LOCKED" and DOMAIN in card, "the card's own list", card)
    await session.run(get(f"{SE}/Link"))
    need(len([x for x in b.server.alerts[alerts:] if x.source and "/APDU/" not in x.source]) == 0,
         "no alert", b.server.alerts[alerts:])
    need(opened <= 2, "one secure channel, and one to read the registry", opened)
    await cleared(session, SE, entry("Application", APP))
    await b.operate(session, UNLOCK)
    await cleared(session, entry("Application", APP))
    await drop(b, session, "SecurityDomain", DOMAIN)
    await session.end()


def refused_install(b):
    """Commands of an Atomic that only the card can refuse: no such module."""
    at = entry("LoadFile", PKG)
    return at, [put(f"{at}/Parameter/Module", MODULE + b"\xff"),
                put(f"{at}/Parameter/AID", DOMAIN + b"\x01"),
                execute(f"{at}/Operations/Install", b.correlator())]


@case(322, "Atomic: nothing of it")
async def nothing_of_it(b):
    session = await b.session()
    await b.application(session)
    at, install = refused_install(b)
    await cleared(session, SE, at, entry("Application", APP))
    before, locks = await b.registry(session), b.stack.executed("80F04080")
    a, = await session.run(atomic(
        execute(LOCK, b.correlator()), put(f"{SE}/Parameter/AID", DOMAIN),
        execute(CREATE, b.correlator()), *install))
    need(codes_of(a) == (507, [216] * 3), "Status", codes_of(a))
    need(b.stack.executed("80F04080") == locks + 1, "it was locked, for a moment")
    need(await b.registry(session) == before, "the card's list is what it was")
    results = [(await b.values(session, c, "ResultCode"))["ResultCode"]
               for c in (SE, at, entry("Application", APP))]
    need(set(results) == {"1420"}, "ResultCode", results)
    await cleared(session, SE, at, entry("Application", APP))
    await session.end()


@case(323, "Atomic: no way back")
async def no_way_back(b):
    aid = APP + b"\x23"
    session = await b.session()
    await b.application(session)
    await instantiate(b, session, aid)
    gone, (at, install) = entry("Application", aid), refused_install(b)
    await cleared(session, SE, at)
    a, = await session.run(atomic(execute(f"{gone}/Operations/Delete", b.correlator()), *install))
    need(codes_of(a) == (507, [516, 516]), "Status", codes_of(a))
    need(aid not in await b.registry(session), "the card's list: what was done stays")
    report = await b.values(session, f"{at}/Report", "Operation", "Result")
    need(report["Operation"] == "Install" and report["Result"] != "ok", "Report", report)
    await cleared(session, SE, at)
    await session.end()


@case(324, "Atomic: what cannot be in it")
async def not_in_it(b):
    session = await b.session()
    await b.application(session)
    await cleared(session, SE, entry("Application", APP))
    before = len(b.stack.apdus())
    a, = await session.run(atomic(execute(LOCK, b.correlator()),
                                  execute(f"{SE}/Operations/Refresh", b.correlator())))
    need(a.statuses[-1].code == 507 and a.children[1].code == 406, "Status",
         [s.code for r in (a, *a.children) for s in r.statuses])
    need(len(b.stack.apdus()) == before, "nothing was sent")
    await session.end()


async def ready(b, session, name, commands):
    """A script with its commands, at the application."""
    node = await script_node(b, session, name)
    replies = await session.run(put(f"{node}/TargetAID", APP),
                                put(f"{node}/Command", script.command_script(commands)))
    need([r.code for r in replies] == [200, 200], "a script", [r.code for r in replies])
    return node


@case(331, "a repeated Exec")
async def repeated(b):
    session = await b.session()
    await b.application(session)
    before = await counted(b, session)
    node = await ready(b, session, "iot331", count(3))
    correlator = b.correlator()
    again = execute(f"{node}/Operations/Transmit", correlator)
    b.server.alert_status = 500     # not acknowledged
    try:
        codes = [r.code for r in await session.run(again, again)]
        await b.finish(session, correlator)
        await session.end()
        session = await b.session()
        codes += [r.code for r in await session.run(again)]
        need(codes == [202] * 3, "Status", codes)
    finally:
        b.server.alert_status = 200
    await session.end()
    session = await b.session()
    told = [result(a) for a in b.server.alerts if a.correlator == correlator]
    need(len({t.job for t in told}) == 1 and {t.executed for t in told} == {3}, "one result",
         told)
    need(await counted(b, session) == before + 1 + 3, "the script ran once")
    await session.run(delete(node))
    await session.end()


@case(332, "an alert that is not acknowledged")
async def not_acknowledged(b):
    session = await b.session()
    await b.application(session)
    node = await ready(b, session, "iot332", count(1))
    correlator = b.correlator()

    def told():
        return [result(a).job for a in b.server.alerts if a.correlator == correlator]
    b.server.alert_status = 500
    try:
        await session.run(execute(f"{node}/Operations/Transmit", correlator))
        await b.finish(session, correlator)
        await session.end()
    finally:
        b.server.alert_status = 200
    first = len(told())
    await (await b.session()).end()
    need(len(told()) == first + 1 and len(set(told())) == 1, "the same alert again", told())
    session = await b.session()
    await session.run(get("./DevInfo/Man"))
    need(len(told()) == first + 1, "never again", told())
    await session.run(execute(f"{node}/Operations/Clear"), delete(node))
    await session.end()


@case(333, "a restart between Exec and alert")
async def killed(b):
    session = await b.session()
    await b.application(session)
    before = await counted(b, session)
    # some that are soon done, and more than there is time for
    mixed = [c for ms, n in ((2, 20), (50, ENDLESS)) for _ in range(n)
             for c in slow(ms, 1) + count(1)]
    since = len(b.stack.apdus())
    node = await ready(b, session, "iot333", mixed)
    correlator = b.correlator()
    r, = await session.run(execute(f"{node}/Operations/Transmit", correlator))
    need(r.code == 202, "Exec", r.code)
    await session.end()
    await b.begun(SLOW, 22, since)
    await b.restart(signal.SIGKILL)
    alert = await b.server.alert(correlator)
    done = result(alert)
    need(done.code in (1501, 1502), "ResultCode", done)
    session = await b.session()
    ran = await counted(b, session) - before - 1
    need(done.executed // 2 <= ran <= done.executed // 2 + 16 and 20 < ran < 20 + ENDLESS,
         "Executed is what the SE says", (done, ran))
    need(done.code == 1502 or ran == done.executed // 2, "and exact with 1501", (done, ran))
    kept, = await session.run(get(f"{node}/Response"))
    rapdus = script.parse_response(kept.value).rapdus
    need(len(rapdus) == done.executed, "Response has the answers", (len(rapdus), done))
    values = [int.from_bytes(x[:4], "big") for x in rapdus if len(x) == 6]
    need(values == list(range(before + 2, before + 2 + len(values))), "no command ran twice",
         values)
    await session.run(execute(f"{node}/Operations/Clear"), delete(node))
    await session.end()
    need(len([a for a in b.server.alerts if a.correlator == correlator]) == 1, "one alert")


@case(334, "a queued operation outlives a restart")
async def queued(b):
    session = await b.session()
    await b.application(session)
    before = await counted(b, session)
    since = len(b.stack.apdus())
    long = await ready(b, session, "iot334a", slow(50, ENDLESS))
    short = await ready(b, session, "iot334b", count(3))
    one, two = b.correlator(), b.correlator()
    codes = [r.code for r in await session.run(execute(f"{long}/Operations/Transmit", one),
                                               execute(f"{short}/Operations/Transmit", two))]
    need(codes == [202, 202], "Status", codes)
    await session.end()
    await b.begun(SLOW, 1, since)
    await b.restart(signal.SIGKILL)
    first, second = result(await b.server.alert(one)), result(await b.server.alert(two))
    need(first.code in (1501, 1502), "the first", first)
    need((second.code, second.executed) == (1200, 3), "the second", second)
    session = await b.session()
    need(await counted(b, session) == before + 4, "the SE has counted thrice")
    await session.run(*[execute(f"{n}/Operations/Clear") for n in (long, short)],
                      delete(long), delete(short))
    await session.end()


@case(335, "the SE goes")
async def se_goes(b):
    session = await b.session()
    await b.application(session)
    since = len(b.stack.apdus())
    node = await ready(b, session, "iot335", slow(50, ENDLESS))
    correlator = b.correlator()
    await session.run(execute(f"{node}/Operations/Transmit", correlator))
    await b.begun(SLOW, 3, since)
    await b.thread(b.stack.stop_softse, signal.SIGKILL)
    done = await b.finish(session, correlator)
    need(done.code in (1500, 1502) and 0 < done.executed < ENDLESS, "the alert", done)
    await b.thread(b.stack.start_softse)
    await session.run(execute(f"{node}/Operations/Clear"))
    await b.leaf(session, f"{SE}/Link", lambda now: now == "20", "Link 20")
    await b.operate(session, f"{node}/Operations/Transmit",
                    put(f"{node}/Command", script.command_script(count(1))))
    await session.run(execute(f"{node}/Operations/Clear"), delete(node))
    await session.end()


@case(341, "the policy of the device", own=True)
async def policy(coding):
    async with Bench(coding, policy={"operations": "list", "aids": "default A000000151*"}) as b:
        session = await b.session()
        await b.keyed(session)
        await cleared(session, SE)
        node = f"{SE}/Package/iot341"
        await session.run(interior(node), put(f"{node}/Data", cap.Cap(PKG, [APP]).zip()))
        before = len(b.stack.apdus())
        at = entry("SecurityDomain", "Issuer")
        replies = await session.run(
            execute(f"{node}/Operations/Install", b.correlator()),
            put(f"{SE}/Parameter/AID", DOMAIN), execute(CREATE, b.correlator()),
            execute(f"{at}/Operations/Lock", b.correlator()))
        codes = [r.code for r in replies]
        need(codes[0] == 425 and codes[2] == 425 and codes[3] in (405, 425), "Status", codes)
        need(len(b.stack.apdus()) == before, "nothing was sent")
        await session.end()
        need(not b.server.complaints, "no complaint", b.server.complaints)


@case(342, "two servers", own=True)
async def two_servers(coding):
    async with Two(coding) as (b, second):
        node, other = f"{SE}/APDU/same", f"{SE}/APDU/other"

        async def own(server, node, tag):
            session = await b.session(server)
            made, = await session.run(interior(node))
            need(made.code == 200, "Add", made.code)
            command = script.command_script([bytes([0x80, 0xCA, 0, tag, 0])])
            correlator = b.correlator()
            codes = [r.code for r in await session.run(
                put(f"{node}/Command", command),
                execute(f"{node}/Operations/Transmit", correlator))]
            need(codes == [200, 202], "Command, Transmit", codes)
            await session.end()
            done = result(await server.alert(correlator))
            need(done.code == 1200, "ResultCode", done)

        async def response(server, node, tag):
            session = await b.session(server)
            r, = await session.run(get(f"{node}/Response"))
            need(r.code == 200 and script.parse_response(r.value).rapdus[0][0] == tag,
                 "its own Response", r)
            await session.end()
        await own(b.server, node, 0x66)
        session = await b.session(second)
        codes = [r.code for r in await session.run(
            interior(node), get(f"{node}/Response"), execute(f"{node}/Operations/Clear"),
            delete(node))]
        need(codes == [418, 425, 425, 425], "the other server", codes)
        await session.end()
        await own(second, other, 0x42)
        await response(second, other, 0x42)
        await response(b.server, node, 0x66)
        need(len(second.alerts) == 1 and not {a.correlator for a in second.alerts}
             & {a.correlator for a in b.server.alerts}, "alerts, too", second.alerts)
