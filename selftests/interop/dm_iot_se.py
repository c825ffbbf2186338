# SPDX-License-Identifier: Apache-2.0
"""Cases 301 to 318 of Documentation/dm/iot.rst: the Secure Element MO, one operation each."""

import cap
import gp
import script
from card_issuer import DEFAULT, keyset
from dm_bench import APP, MODULE, PKG, SE, Bench, case, entry, name_of, need
from dm_iot_tree import FILLER, script_node
from dm_session import delete, execute, get, interior, put

REFUSED = gp.capdu(0x80, 0xCA, 0x2F, 0x01, b"", 0)
DOMAIN = bytes.fromhex("F0534553414D4501")
NOBODY = bytes.fromhex("F0534553414D45FF")
REQUIRED = ("ID", "Type", "Link", "Generation", "Error", "Capability/MaxScript",
            "Capability/MaxPackage", "Capability/Formats", "Capability/Operations",
            "Parameter/KeySet", "Parameter/SecurityDomain", "Parameter/AID",
            "Parameter/Confirm", "Status", "Report/Operation", "Report/Correlator",
            "Report/Result", "Report/Detail", "Report/Executed", "Report/Total", "Report/LastSW",
            "Report/Outcome", "Report/Job")


def slow(ms, n):
    """Commands that take their time at the application."""
    return [gp.capdu(0x80, 0x80, 0, 0, ms.to_bytes(2, "big"), 0)] * n


SLOW = "80"     # their INS
ENDLESS = 1200  # of 50 ms each: what is to be interrupted is not over before that, anywhere


def count(n):
    """Commands that count, at the application: a witness of what ran how often."""
    return [gp.capdu(0x80, 0x20, 0, 0, b"", 0)] * n


async def counted(b, session):
    """What the counter of the application says now, by counting once more."""
    rapdu, = await b.transmit(session, count(1), APP, "counter")
    return int.from_bytes(rapdu[:4], "big") - 1


@case(301, "the instance")
async def instance(b):
    session = await b.session()
    tree, moi, collection = await session.run(
        get(f"{SE}?list=StructData"), get(f"{SE}?prop=Type"), get("./SecureElement"))
    need((tree.code, moi.code) == (200, 200), "Status", (tree.code, moi.code))
    need(moi.value == "io.sesame/1.0/SecureElement", "Type", moi.value)
    need(collection.value.split("/") == ["se0"], "the collection", collection.value)
    values = tree.values
    missing = [n for n in REQUIRED if values.get(f"{SE}/{n}") is None]
    need(not missing, "nodes that are required", missing)
    there = {i.source.removeprefix(SE + "/"): i.meta.format for i in tree.results if i.meta}
    for name, fmt in (("ID", "chr"), ("Link", "int"), ("Parameter/AID", ("bin", "b64")),
                      ("Operations", "node"), ("APDU", "node"), ("Package", "node"),
                      ("Inventory/Application", "node")):
        need(there.get(name) in (fmt if isinstance(fmt, tuple) else (fmt,)),
             f"Format of {name}", there.get(name))
    need(values[f"{SE}/ID"] == "se0" and values[f"{SE}/Type"] == "eSE" and
         values[f"{SE}/Link"] == "20", "ID, Type, Link", values)
    operations = set(values[f"{SE}/Capability/Operations"].split(","))
    need({"Transmit", "Install", "Lock", "Unlock", "Extradite", "Delete", "PutKey", "LockCard",
          "Terminate", "CreateSecurityDomain"} <= operations, "Operations", operations)
    await session.end()


@case(302, "a script")
async def transmit(b):
    session = await b.session()
    node = await script_node(b, session, "one")
    before = len(b.stack.apdus())
    other = gp.capdu(0x80, 0xCA, 0x00, 0x42, b"", 0)
    done = await b.operate(session, f"{node}/Operations/Transmit", put(
        f"{node}/TargetAID", gp.ISD), put(f"{node}/Command",
                                          script.command_script([FILLER, other])))
    ran = [w[3][2:8] for w in b.stack.apdus()[before:] if w[3][2:4] == "CA"]
    need(ran == ["CA0066", "CA0042"], "what the SE has executed", ran)
    need((done.executed, done.total, done.sw, done.status) == (2, 2, 0x9000, 40), "the alert",
         done)
    r, = await session.run(get(f"{node}/Response"))
    got = script.parse_response(r.value)
    need(got.executed == 2 and [a[:1] for a in got.rapdus] == [b"\x66", b"\x42"], "Response",
         r.value.hex())
    report = await b.values(session, f"{node}/Report", "Operation", "Executed", "LastSW", "Job")
    need(report == {"Operation": "Transmit", "Executed": "2", "LastSW": "36864",
                    "Job": done.job}, "Report", report)
    clear, status, gone, none = await session.run(
        execute(f"{node}/Operations/Clear"), get(f"{node}/Status"), delete(node), get(node))
    need((clear.code, status.value, gone.code, none.code) == (200, "10", 200, 404),
         "Clear, Status, Delete, Get", (clear.code, status.value, gone.code, none.code))
    await session.end()


@case(303, "a script of the server's own secure channel", own=True)
async def end_to_end(coding):
    async with Bench(coding, keys="") as b:
        session = await b.session()
        seen = await b.registry(session)
        need(gp.ISD in seen and seen[gp.ISD].state_name == "OP_READY", "the card's list", seen)
        await session.end()
        need(not b.server.complaints, "no complaint", b.server.complaints)


@case(304, "a refusal ends a script")
async def refusal(b):
    session = await b.session()
    node = await script_node(b, session, "iot304")
    for commands, aid, codes, executed in (
            (script.command_script([FILLER, REFUSED, FILLER]), gp.ISD, (1408, 1201), 2),
            (b"\xaa\x05\x22\x09\x00\x00\x00", gp.ISD, (1407,), 0),
            (script.command_script([FILLER]), NOBODY, (1409,), 0)):
        done = await b.operate(session, f"{node}/Operations/Transmit", put(
            f"{node}/TargetAID", aid), put(f"{node}/Command", commands), code=None)
        need(done.code in codes and done.executed == executed, f"ResultCode {codes}", done)
        if executed == 2:
            need(done.sw == 0x6A88, "LastSW", f"{done.sw:04X}")
        await session.run(execute(f"{node}/Operations/Clear"))
    await session.run(delete(node))
    await session.end()


@case(305, "busy, Clear, Cancel")
async def busy(b):
    session = await b.session()
    await b.application(session)
    node = await script_node(b, session, "iot305")
    data = script.command_script(slow(50, ENDLESS))
    one = b.correlator()
    replies = await session.run(
        put(f"{node}/TargetAID", APP), put(f"{node}/Command", data),
        execute(f"{node}/Operations/Transmit", one),
        execute(f"{node}/Operations/Transmit", b.correlator()), put(f"{node}/Command", data),
        execute(f"{node}/Operations/Cancel"))
    codes = [r.code for r in replies]
    need(codes == [200, 200, 202, 409, 409, 200], "Status", codes)
    done = await b.finish(session, one)
    need((done.code, done.status) == (1401, 70) and done.executed < ENDLESS,
         "the alert of what was cancelled", done)
    again, clear = await session.run(execute(f"{node}/Operations/Transmit", b.correlator()),
                                     execute(f"{node}/Operations/Clear"))
    need((again.code, clear.code) == (409, 200), "Transmit before Clear, Clear",
         (again.code, clear.code))
    await b.operate(session, f"{node}/Operations/Transmit",
                    put(f"{node}/Command", script.command_script(count(1))))
    await session.run(execute(f"{node}/Operations/Clear"), delete(node))
    await session.end()


@case(306, "Deadline")
async def deadline(b):
    session = await b.session()
    await b.application(session)
    node = await script_node(b, session, "iot306")
    before = len(b.stack.apdus())
    done = await b.operate(session, f"{node}/Operations/Transmit", put(
        f"{node}/TargetAID", APP), put(f"{node}/Deadline", 1), put(
        f"{node}/Command", script.command_script(slow(50, ENDLESS))), code=None)
    ran = sum(1 for w in b.stack.apdus()[before:] if w[3][2:4] == SLOW)
    need((done.code, done.status) in ((1402, 80), (1502, 60)) and done.executed < ENDLESS,
         "the alert", done)
    need(done.executed <= ran <= done.executed + (done.code == 1502), "what the SE has executed",
         (done, ran))
    await session.run(execute(f"{node}/Operations/Clear"), delete(node))
    await session.end()


@case(307, "parameters that are wrong")
async def wrong(b):
    session = await b.session()
    await b.keyed(session)
    node = await script_node(b, session, "iot307")
    replies = await session.run(
        put(f"{node}/TargetAID", b"\1\2\3\4"), put(f"{node}/KeepChannel", "perhaps", "bool"),
        execute(f"{node}/Operations/Transmit", b.correlator()), interior(node),
        delete(f"{SE}/APDU/none"), get(f"{node}/Command"),
        execute(f"{entry('Application', NOBODY)}/Operations/Lock", b.correlator()))
    codes = [r.code for r in replies]
    need(codes == [415, 415, 412, 418, 404, 405, 404], "Status", codes)
    await session.run(delete(node))
    await session.end()


@case(308, "a package")
async def package(b):
    aids = [PKG + b"\x51", PKG + b"\x52"]
    elf = PKG + b"\x50"
    session = await b.session()
    await b.keyed(session)
    node = f"{SE}/Package/iot308"
    b.server.out_limit = 2048
    try:
        made, data = await session.run(interior(node), put(
            f"{node}/Data", cap.Cap(elf, aids, code=6000).zip()))
    finally:
        b.server.out_limit = 1 << 20
    need((made.code, data.code) == (200, 200) and set(data.chunks) == {213}, "Add, Data",
         (made.code, data.code, data.chunks))
    values = await b.values(session, node, "State", "Version", "LoadFile", "Instances")
    need(values == {"State": "30", "Version": "1.0", "LoadFile": elf,
                    "Instances": ",".join(map(name_of, aids))}, "what the package says", values)
    await b.operate(session, f"{node}/Operations/Install")
    state = await b.values(session, entry("LoadFile", elf), "State", "Modules")
    need(state == {"State": "10", "Modules": ",".join(map(name_of, aids))}, "its load file",
         state)
    for aid in aids:
        at = await b.values(session, entry("Application", aid), "AID", "State", "LoadFile")
        need(at == {"AID": aid, "State": "20", "LoadFile": elf}, "an instance", at)
    state, = await session.run(get(f"{node}/State"))
    need(state.value == "40", "State of the package", state.value)
    card = await b.registry(session)
    need(card[elf].state_name == "LOADED" and {card[a].state_name for a in aids} == {"INSTALLED"},
         "the card's own list", card)
    await b.operate(session, f"{node}/Operations/Remove")
    need(not {elf, *aids} & set(await b.registry(session)), "removed")
    await session.run(execute(f"{node}/Operations/Clear"), delete(node))
    await session.end()


@case(309, "Activate, Deactivate, Remove")
async def activate(b):
    session = await b.session()
    node = await b.application(session)
    for operation, states in (("Deactivate", "40"), ("Activate", "50"), ("Remove", "30 10")):
        await session.run(execute(f"{node}/Operations/Clear"))
        await b.operate(session, f"{node}/Operations/{operation}")
        now, = await session.run(get(f"{node}/State"))
        need(now.value in states.split(), f"State after {operation}", now.value)
    one, two = await session.run(get(entry("LoadFile", PKG)), get(entry("Application", APP)))
    need((one.code, two.code) == (404, 404), "nothing of it in the inventory",
         (one.code, two.code))
    await session.end()


@case(310, "Lock and Unlock")
async def lock(b):
    session = await b.session()
    await b.application(session)
    at = entry("Application", APP)
    need((await b.echo(session)) == [b"Sesame\x90\x00"], "the application answers")
    await b.operate(session, f"{at}/Operations/Lock")
    state, = await session.run(get(f"{at}/State"))
    need(state.value == "50", "State", state.value)
    await b.echo(session, 1409)
    need((await b.registry(session))[APP].state_name == "LOCKED", "the card's own list")
    await session.run(execute(f"{at}/Operations/Clear"))
    await b.operate(session, f"{at}/Operations/Unlock")
    state, = await session.run(get(f"{at}/State"))
    need(state.value == "30", "State", state.value)
    need((await b.echo(session)) == [b"Sesame\x90\x00"], "it answers again")
    await session.run(execute(f"{at}/Operations/Clear"))
    await session.end()


async def instantiate(b, session, aid, selectable=True):
    """One more instance of the package's module."""
    at = entry("LoadFile", PKG)
    await session.run(execute(f"{at}/Operations/Clear"))
    await b.operate(session, f"{at}/Operations/Install", put(f"{at}/Parameter/Module", MODULE),
                    put(f"{at}/Parameter/AID", aid), put(f"{at}/Parameter/Selectable", selectable))


async def drop(b, session, kind, aid):
    """Delete at an entry, until it is gone."""
    at = entry(kind, aid)
    await session.run(execute(f"{at}/Operations/Clear"))
    await b.operate(session, f"{at}/Operations/Delete")
    gone, = await session.run(get(f"{at}/State"))
    need(gone.code == 404, f"{at} is gone", gone.code)


@case(311, "instances of a load file")
async def instances(b):
    aid = APP + b"\x11"
    session = await b.session()
    await b.application(session)
    at = entry("Application", aid)
    await instantiate(b, session, aid, False)
    state, = await session.run(get(f"{at}/State"))
    need(state.value == "20", "State", state.value)
    left = await b.values(session, f"{entry('LoadFile', PKG)}/Parameter", "AID", "Selectable")
    need(not left["AID"] and left["Selectable"] == "true", "parameters are used up", left)
    await b.operate(session, f"{at}/Operations/MakeSelectable")
    state, = await session.run(get(f"{at}/State"))
    need(state.value == "30", "State", state.value)
    await drop(b, session, "Application", aid)
    await session.end()


async def domain(b, session, aid=DOMAIN):
    await session.run(execute(f"{SE}/Operations/Clear"))
    await b.operate(session, f"{SE}/Operations/CreateSecurityDomain",
                    put(f"{SE}/Parameter/AID", aid))


@case(312, "security domains")
async def domains(b):
    session = await b.session()
    await b.keyed(session)
    await session.run(execute(f"{SE}/Operations/Clear"))
    r, = await session.run(execute(f"{SE}/Operations/CreateSecurityDomain", b.correlator()))
    need(r.code == 412, "without an AID", r.code)
    await domain(b, session)
    state, = await session.run(get(f"{entry('SecurityDomain', DOMAIN)}/State"))
    need(state.value == "30", "State", state.value)
    need((await b.registry(session))[DOMAIN].privileges[0] & 0x80, "the card's own list")
    await drop(b, session, "SecurityDomain", DOMAIN)
    await session.end()


@case(313, "Extradite")
async def extradite(b):
    aid = APP + b"\x13"
    session = await b.session()
    await b.application(session)
    await instantiate(b, session, aid)
    await domain(b, session)
    at = entry("Application", aid)
    await b.operate(session, f"{at}/Operations/Extradite", put(f"{at}/Parameter/Target", DOMAIN))
    parent, = await session.run(get(f"{at}/Parent"))
    need(parent.value == DOMAIN, "Parent", parent.value)
    need((await b.registry(session))[aid].domain == DOMAIN, "the card's own list")
    await drop(b, session, "Application", aid)
    await drop(b, session, "SecurityDomain", DOMAIN)
    await session.end()


@case(314, "Personalise")
async def personalise(b):
    session = await b.session()
    await b.application(session)
    at = entry("Application", APP)
    before = b.stack.executed("84E62000")
    await session.run(execute(f"{at}/Operations/Clear"))
    await b.operate(session, f"{at}/Operations/Personalise",
                    put(f"{at}/Parameter/Data", bytes.fromhex("000100000007")))
    need(b.stack.executed("84E62000") == before + 1, "INSTALL [for personalization]")
    clear, again, data = await session.run(
        execute(f"{at}/Operations/Clear"), execute(f"{at}/Operations/Personalise", b.correlator()),
        get(f"{at}/Parameter/Data"))
    need((clear.code, again.code, data.code) == (200, 412, 405), "data are used up, and secret",
         (clear.code, again.code, data.code))
    await session.end()


@case(315, "Delete")
async def remove(b):
    session = await b.session()
    await b.application(session)
    at = entry("LoadFile", PKG)
    await session.run(execute(f"{at}/Operations/Clear"))
    done = await b.operate(session, f"{at}/Operations/Delete", code=None)
    need(done.code // 100 == 14 and {PKG, APP} <= set(await b.registry(session)),
         "a load file that is in use stays", done)
    await session.run(execute(f"{at}/Operations/Clear"))
    await b.operate(session, f"{at}/Operations/Delete", put(f"{at}/Parameter/Related", True))
    need(not {PKG, APP} & set(await b.registry(session)), "with what belongs to it")
    await session.run(delete(f"{SE}/Package/app"))
    await session.end()


@case(316, "keys", own=True)
async def keys(coding):
    second = bytes(range(16))
    both = keyset("isd", 30, DEFAULT) + keyset("second", 41, second)
    async with Bench(coding, keys=both) as b:
        session = await b.session()
        await b.keyed(session)
        at = entry("SecurityDomain", "Issuer")
        put_keys = b.stack.executed("80D80000")
        correlator = b.correlator()
        r = (await session.run(put(f"{at}/Parameter/NewKeySet", "third"),
                               execute(f"{at}/Operations/PutKey", correlator)))[1]
        if r.code == 202:
            r = await b.finish(session, correlator)
            await session.run(execute(f"{at}/Operations/Clear"))
        need(r.code in (425, 1410, 1403, 404, 412), "a key set that there is not", r.code)
        need(b.stack.executed("80D80000") == put_keys, "nothing sent")
        await b.operate(session, f"{at}/Operations/PutKey",
                        put(f"{at}/Parameter/NewKeySet", "second"))
        info = gp.capdu(0x80, 0xCA, 0x00, 0xE0, b"", 0)
        rapdu, = await b.transmit(session, [info], gp.ISD)
        need(bytes.fromhex("0141") in rapdu, "the card has them", rapdu.hex())
        await session.run(execute(f"{at}/Operations/Clear"))
        await b.operate(session, f"{at}/Operations/DeleteKey",
                        put(f"{at}/Parameter/KeyVersion", 0x41))
        rapdu, = await b.transmit(session, [info], gp.ISD)
        need(bytes.fromhex("0141") not in rapdu, "and has them no more", rapdu.hex())
        await session.end()
        need(not b.server.complaints, "no complaint", b.server.complaints)


@case(317, "card states", own=True)
async def card_states(coding):
    async with Bench(coding) as b:
        session = await b.session()
        await b.keyed(session)
        for operation, confirm, state in (
                ("Initialize", None, "20"), ("Secure", None, "30"),
                ("LockCard", "card-lock", "40"), ("UnlockCard", None, "30"),
                ("Terminate", "card-terminate", "50")):
            await session.run(execute(f"{SE}/Operations/Clear"))
            if confirm:
                r, = await session.run(execute(f"{SE}/Operations/{operation}", b.correlator()))
                need(r.code == 412, f"{operation} without Confirm", r.code)
            await b.operate(session, f"{SE}/Operations/{operation}", *(
                [put(f"{SE}/Parameter/Confirm", confirm)] if confirm else []))
            now, = await session.run(get(f"{SE}/State"))
            need(now.value == state, f"State after {operation}", now.value)
        await session.end()
        need(not b.server.complaints, "no complaint", b.server.complaints)


@case(318, "Refresh and Reset")
async def refresh(b):
    session = await b.session()
    await b.keyed(session)
    await session.run(execute(f"{SE}/Operations/Clear"))
    before = await b.values(session, SE, "Generation")
    await b.operate(session, f"{SE}/Operations/Refresh")
    await session.run(execute(f"{SE}/Operations/Clear"))
    await b.operate(session, f"{SE}/Operations/Reset")
    await b.leaf(session, f"{SE}/Generation", lambda now: now != before["Generation"],
                 f"another Generation than {before['Generation']}")
    await session.run(execute(f"{SE}/Operations/Clear"))
    await session.end()
