# SPDX-License-Identifier: Apache-2.0
"""Cases 201 to 220 of Documentation/dm/iot.rst: protocol and tree."""

import asyncio
import json
import re
import signal

import dm_auth
import gp
import script
import syncml
import wbxml
from dm_bench import PATIENCE, SE, Bench, case, need
from dm_iot_session import quiet
from dm_server import Fault, Server
from dm_session import (Cmd, Item, add, alert, atomic, copy, delete, execute, get, interior, put,
                        sequence)
from syncml import Meta
from wbxml import DMDDF, Node

FILLER = gp.capdu(0x80, 0xCA, 0x00, 0x66, b"", 0)   # GET DATA, card data


def tnds(data):
    """A MgmtTree, however it came, as {path: (format, value)}."""
    if isinstance(data, (str, bytes)):
        data = data.encode() if isinstance(data, str) else data
        data = syncml.from_xml(data) if data.lstrip()[:1] == b"<" else wbxml.decode(data)
    need(data.name == "MgmtTree" and data.page == DMDDF, "a MgmtTree", data.name)
    out = {}

    def walk(node, base):
        name, path = node.find("NodeName"), node.find("Path")
        base = path.content() if path is not None and path.content() else base
        here = f"{base}/{name.content()}" if name is not None else base
        properties = node.find("RTProperties")
        fmt = properties.find("Format") if properties is not None else None
        value = node.find("Value")
        out[here] = (fmt.nodes()[0].name if fmt is not None and fmt.nodes() else None,
                     value.content() if value is not None else None)
        for kid in node.all("Node"):
            walk(kid, here)
    for node in data.all("Node"):
        walk(node, ".")
    return out


@case(201, "Get")
async def get_(b):
    session = await b.session()
    man, detail, root, none, both = await session.run(
        get("./DevInfo/Man"), get("./DevDetail"), get("."), get("./None"),
        get("./DevInfo/Man", "./None"))
    need(man.code == 200 and man.results[0].meta.format == "chr" and
         man.value == session.devinfo["./DevInfo/Man"], "a leaf", man.results)
    need(detail.code == 200 and detail.results[0].meta.format == "node" and
         {"DevTyp", "OEM", "FwV", "SwV", "HwV", "LrgObj", "URI"} <= set(detail.value.split("/")),
         "an interior node", detail.results)
    need({"DevInfo", "DevDetail", "DMAcc", "SecureElement"} <= set(root.value.split("/")),
         "the root", root.value)
    need(none.code == 404 and not none.results, "a node that is not there", none.code)
    need(both.codes == {"./DevInfo/Man": 200, "./None": 404} and len(both.results) == 1,
         "two Items", both.codes)
    await session.end()


@case(202, "lists of subtrees")
async def lists(b):
    session = await b.session()
    struct, data, tree = await session.run(*[get(f"./DevInfo?list={k}") for k in (
        "Struct", "StructData", "TNDS")])
    leaves = {f"./DevInfo/{n}" for n in ("DevId", "Man", "Mod", "DmV", "Lang")}
    need(struct.code == 200 and leaves | {"./DevInfo"} <= {i.source for i in struct.results} and
         not any(i.data for i in struct.results), "Struct", struct.results)
    need(data.code == 200 and all(data.values.get(u) == session.devinfo[u] for u in leaves),
         "StructData", data.values)
    found = tnds(tree.value)
    need(tree.code == 200 and all(found.get(u, (0, 0))[1] == session.devinfo[u] for u in leaves),
         "TNDS", found)
    await session.end()


@case(203, "properties")
async def properties(b):
    session = await b.session()
    value = session.devinfo["./DevInfo/Man"]
    replies = await session.run(*[get(f"./DevInfo/Man?prop={p}") for p in (
        "Name", "Format", "Type", "Size", "ACL", "Colour")])
    need([r.code for r in replies] == [200] * 5 + [406], "Status", [r.code for r in replies])
    shown = [r.value for r in replies[:4]]
    need(shown == ["Man", "chr", "text/plain", str(len(value.encode()))], "values", shown)
    await session.end()


@case(204, "Add, Replace, Copy, Delete")
async def changes(b):
    here = "./DMAcc/iot204"
    session = await b.session()
    replies = await session.run(
        interior(here), add(f"{here}/AppID", "w7"), add(f"{here}/ServerID", "org.example"),
        add(f"{here}/Name", "one"), put(f"{here}/Name", "two"), get(f"{here}/Name"),
        add(f"{here}/Name", "three"), copy(f"{here}/Name", f"{here}/PrefConRef"))
    codes = [r.code for r in replies]
    need(codes[:7] == [200] * 6 + [418] and codes[7] in (200, 406), "Status", codes)
    need(replies[5].value == "two", "the new value", replies[5].value)
    await session.end()
    await b.restart(signal.SIGKILL)
    session = await b.session()
    again, = await session.run(get(f"{here}/Name"))
    need(again.value == "two", "after a restart", again.value)
    replies = await session.run(delete(here), get(here), delete("./DevInfo"),
                                put("./DMAcc/none/Name", "x"), delete("."))
    codes = [r.code for r in replies]
    need(codes[:2] == [200, 404] and codes[2] in (405, 425) and codes[3] == 404 and
         codes[4] in (405, 425), "Status", codes)
    await session.end()


class Two:
    """A Bench with a second account, and its server."""

    def __init__(self, coding):
        self.b = Bench(coding)
        self.server = Server(server_id="com.example.second", client_name="sesame2",
                             timeout=PATIENCE,
                             client_secret=b"second-client", server_secret=b"second-server",
                             client_nonce=b"second-client-00", server_nonce=b"second-server-00")

    async def __aenter__(self):
        await self.server.start()
        b = self.b
        b.more = {f"dm two.{k}": v for k, v in b.section(self.server, b.coding).items()}
        b.more["policy two.origin"] = "dm:" + self.server.server_id
        b.more["policy two.instructions"] = "*"
        await b.__aenter__()
        await (await self.server.session()).end()
        return b, self.server

    async def __aexit__(self, *error):
        complaints = self.b.server.complaints + self.server.complaints
        await self.b.__aexit__(*error)
        await self.server.stop()
        need(error[0] or not complaints, "no complaint", complaints)


@case(205, "access control", own=True)
async def acl(coding):
    async with Two(coding) as (b, second):
        here, first = "./DMAcc/iot205", b.server.server_id
        session = await b.session()
        codes = [r.code for r in await session.run(
            interior(here), add(f"{here}/AppID", "w7"), add(f"{here}/Name", "mine"),
            put(f"{here}?prop=ACL", f"Get=*&Delete={first}&Replace={first}"))]
        need(codes == [200] * 4, "Status for the first server", codes)
        await session.end()
        session = await b.session(second)
        name, replaced, deleted = await session.run(get(f"{here}/Name"), put(
            f"{here}/Name", "yours"), delete(here))
        need((name.code, replaced.code, deleted.code) == (200, 425, 425),
             "Status for the second", (name.code, replaced.code, deleted.code))
        await session.end()
        session = await b.session()
        name, = await session.run(get(f"{here}/Name"))
        need(name.value == "mine", "the value", name.value)
        await session.end()


@case(206, "Atomic")
async def atomics(b):
    here = "./DMAcc/iot206"
    session = await b.session()
    await session.run(interior(here), add(f"{here}/AppID", "w7"), add(f"{here}/Name", "0"),
                      add(f"{here}/PrefConRef", "0"))
    a, = await session.run(atomic(put(f"{here}/Name", "1"), put(f"{here}/PrefConRef", "1")))
    need([a.code] + [c.code for c in a.children] == [200] * 3, "all of it",
         [a.code] + [c.code for c in a.children])
    a, name = await session.run(atomic(put(f"{here}/Name", "2"), put(f"{here}/None", "2")),
                                get(f"{here}/Name"))
    last = [c.statuses[-1].code for c in a.children]
    need(a.statuses[-1].code == 507 and last[0] == 216 and last[1] in (404, 405),
         "nothing of it", (a.code, last))
    need(name.value == "1", "the value is what it was", name.value)
    a, name = await session.run(atomic(put(f"{here}/Name", "3"), get(f"{here}/Name")),
                                get(f"{here}/Name"))
    need(a.statuses[-1].code == 507 and a.children[1].code == 500 and name.value == "1",
         "Get in an Atomic", (a.code, a.children[1].code, name.value))
    gone, = await session.run(delete(here))
    need(gone.code == 200, "Delete", gone.code)
    await session.end()


@case(207, "Sequence")
async def in_order(b):
    here = "./DMAcc/iot207"
    session = await b.session()
    await session.run(interior(here), add(f"{here}/AppID", "w7"), add(f"{here}/Name", "0"))
    s, = await session.run(sequence(put(f"{here}/Name", "1"), get(f"{here}/Name"),
                                    put(f"{here}/Name", "2"), get(f"{here}/Name")))
    need([s.code] + [c.code for c in s.children] == [200] * 5, "Status",
         [s.code] + [c.code for c in s.children])
    need([s.children[n].value for n in (1, 3)] == ["1", "2"], "in order",
         [s.children[n].value for n in (1, 3)])
    await session.run(delete(here))
    await session.end()


@case(211, "messages that belong together")
async def many(b):
    size, b.server.max_msg = b.server.max_msg, 2048
    b.server.out_limit = 2048
    try:
        session = await b.session()
        replies = await session.run(*[get("./DevInfo/Mod", f"./DevInfo/{n}") for n in (
            "Man", "DmV", "Lang") * 20])
        need(all([s.code for s in r.statuses] in ([200], [200, 200]) and len(r.results) == 2 and
                 r.results[1].data == session.devinfo[r.results[1].source] for r in replies),
             "60 Results", [(r.codes, len(r.results)) for r in replies][:4])
        need(any(c.code == 1222 or not m.final for m in session.messages for c in m.cmds),
             "packages of several messages")
        await session.end()
    finally:
        b.server.max_msg, b.server.out_limit = size, 1 << 20


async def script_node(b, session, name):
    """A fresh script."""
    node = f"{SE}/APDU/{name}"
    await session.run(delete(node))
    made, = await session.run(interior(node))
    need(made.code == 200, "Add of a script", made.code)
    return node


@case(212, "a large object to the client")
async def large_in(b):
    data = script.command_script([FILLER] * 5800)
    need(len(data) > 40000, "a large object", len(data))
    b.server.out_limit = 4096
    try:
        session = await b.session()
        node = await script_node(b, session, "iot212")
        r, = await session.run(put(f"{node}/Command", data))
        need(r.code == 200 and len(r.chunks) >= 10 and set(r.chunks) == {213}, "Status of chunks",
             (r.code, len(r.chunks), set(r.chunks)))
        status, = await session.run(get(f"{node}/Status"))
        need(status.value == "10", "Status of the script", status.value)
        await session.run(delete(node))
        await session.end()
    finally:
        b.server.out_limit = 1 << 20


@case(213, "a large object from the client")
async def large_out(b):
    session = await b.session()
    node = await script_node(b, session, "iot213")
    await b.operate(session, f"{node}/Operations/Transmit", put(
        f"{node}/TargetAID", gp.ISD), put(f"{node}/Command", script.command_script([FILLER] * 400)))
    size, b.server.max_msg = b.server.max_msg, 2048
    try:
        await session.run(get("./DevInfo/Man"))     # tells the limit
        n = len(session.messages)
        r, = await session.run(get(f"{node}/Response"))
        need(r.code == 200 and len(r.value) > 20000 and len(session.messages) - n > 10,
             "a large object in pieces", (r.code, len(r.value or "")))
    finally:
        b.server.max_msg = size
    got = script.parse_response(r.value)
    need(got.executed == 400 == len(got.rapdus) and len(set(got.rapdus)) == 1,
         "its bytes", got.executed)
    await session.run(execute(f"{node}/Operations/Clear"), delete(node))
    await session.end()


@case(214, "large objects that are wrong")
async def large_bad(b):
    data = script.command_script([FILLER] * 1200)
    session = await b.session()
    limit, = await session.run(get(f"{SE}/Capability/MaxScript"))
    node = await script_node(b, session, "iot214")
    b.server.out_limit = 4096

    async def empty():
        r, = await session.run(execute(f"{node}/Operations/Transmit", b.correlator()))
        need(r.code == 412, "Transmit without a Command", r.code)
    try:
        for wrong, code in ((lambda uri, n: n + 5, 424),
                            (lambda uri, n: int(limit.value) + 1, 413)):
            b.server.large_size = wrong
            r, = await session.run(put(f"{node}/Command", data))
            need(r.code == code, f"Status {code}", (r.code, r.chunks[-2:]))
            await empty()
    finally:
        b.server.large_size = lambda uri, n: n
        b.server.out_limit = 1 << 20
    first = Cmd("Replace", items=[Item(f"{node}/Command", meta=Meta("bin", size=len(data)),
                                       data=data[:3000], more=True)])
    got = await session.exchange([first], False)
    session.take(got)
    need(213 in [c.code for c in got.named("Status")], "213", [c.code for c in got.cmds])
    got = await session.exchange([get("./DevInfo/Man")])
    session.take(got)
    need(session.no_end, "Alert 1225", [(c.name, c.data) for c in got.cmds])
    await empty()
    first.items[0].meta = Meta("bin")
    got = await session.exchange([first], False)
    session.take(got)
    need(411 in [c.code for c in got.named("Status")], "411", [c.code for c in got.cmds])
    await empty()
    await session.run(delete(node))
    await session.end()


@case(215, "what the client does not know")
async def unknown(b):
    session = await b.session()
    search, empty, silent, confirm, show, man = await session.run(
        Cmd("Search"), Cmd("Get"), Cmd("Get", items=[Item("./DevInfo/Man")], no_resp=True),
        alert(1101, Item(data="MINDT=1"), Item(data="Do you want this?")),
        alert(1100, Item(data="MINDT=1"), Item(data="Hello")), get("./DevInfo/Man"))
    need(search.code == 406, "Search", search.code)
    need(empty.code in (400, 412), "Get without Item", empty.code)
    need(silent.code == 200, "NoResp", silent.code)
    need(confirm.code in (406, 200, 304, 214, 408), "Alert 1101", confirm.code)
    need(show.code in (200, 406), "Alert 1100", show.code)
    need(man.code == 200, "the session goes on", man.code)
    # somebody looks for questions now, and says no
    before = json.loads((await b.sectl("dm", "question", "--json")).stdout)["result"]
    need(before is None, "no question yet", before)

    async def person():
        asked = None
        while asked is None:
            out = (await b.sectl("dm", "question", "--json")).stdout
            asked = json.loads(out)["result"]
        said = await b.sectl("dm", "answer", str(asked["id"]), "no", "--json")
        return asked, json.loads(said.stdout)
    task = asyncio.create_task(person())
    confirm, man = await session.run(
        alert(1101, Item(data="MAXDT=600&DR=1"), Item(data="Do you want this?")),
        get("./DevInfo/Man"))
    asked, said = await task
    need(asked["kind"] == "confirm" and asked["text"] == "Do you want this?" and
         "error" not in said, "what is shown to a person", (asked, said))
    need(confirm.code == 304 and man.code == 200, "Alert 1101, answered with no",
         (confirm.code, man.code))
    await session.end()


@case(216, "repetitions")
async def repetitions(b):
    here = "./DMAcc/iot216"
    session = await b.session()
    await session.run(interior(here), add(f"{here}/AppID", "w7"))
    await session.end()
    b.server.faults = [Fault("drop"), None, Fault("lose")]
    session = await b.session()
    a, name = await session.run(add(f"{here}/Name", "once"), get(f"{here}/Name"))
    need((a.code, name.value) == (200, "once"), "Add and Get", (a.codes, name.value))
    need(session.repeats == 1 and len(a.statuses) == 1, "the same bytes again",
         (session.repeats, len(a.statuses)))
    a, = await session.run(delete(here))
    need(a.code == 200, "the session goes on", a.code)
    await session.end()


@case(217, "the server ends the session")
async def aborted(b):
    session = await b.session()
    await session.abort()
    await quiet(b)
    session = await b.session()
    man, = await session.run(get("./DevInfo/Man"))
    need(man.code == 200, "the next session", man.code)
    await session.end()


@case(218, "secrets")
async def secrets(b):
    session = await b.session()
    tree, = await session.run(get("./DMAcc?list=Struct"))
    places = [i.source.replace("/AAuthLevel", "/AAuthSecret") for i in tree.results
              if i.source.endswith("/AAuthLevel")]
    need(len(places) >= 2, "there are accounts", [i.source for i in tree.results])
    replies = await session.run(*[get(p) for p in places], get("./DMAcc?list=StructData"),
                                get("./DMAcc?list=TNDS"))
    codes = [r.code for r in replies[:len(places)]]
    need(set(codes) <= {405, 425}, "Get of a secret", codes)
    shown = b"".join(body for _, _, body in b.server.requests)
    for secret in (b.server.client_secret, b.server.server_secret):
        need(secret not in shown and dm_auth.b64(secret).encode() not in shown,
             "the secret is in no message")
    await session.end()


@case(219, "variants of WBXML")
async def variants(b):
    aid = bytes(range(0xF0, 0x100))
    ways = [{"version": 3}, {"fpi": True}, {"table": True}, {"plain_b64": True}]
    if b.coding == "xml":
        ways = [{}]
        b.server.garble = lambda s, body: re.sub(
            rb"(?<=<Data>)[A-Za-z0-9+/=]{20,}(?=</Data>)",
            lambda m: b"\n  " + m[0][:8] + b"\r\n" + m[0][8:] + b"\n", body)
    try:
        for how in ways:
            b.server.how = how
            session = await b.session()
            node = await script_node(b, session, "iot219")
            replies = await session.run(put(f"{node}/TargetAID", aid), get(f"{node}/TargetAID"),
                                        get("./DevInfo/Man"), delete(node))
            need([r.code for r in replies] == [200] * 4, f"Status with {how}",
                 [r.code for r in replies])
            need(replies[1].value == aid, f"binary data with {how}", replies[1].value)
            await session.end()
    finally:
        b.server.how, b.server.garble = {}, None


@case(220, "TNDS")
async def import_tnds(b):
    def leaf(name, value):
        return Node(DMDDF, "Node", [
            Node(DMDDF, "NodeName", [name]),
            Node(DMDDF, "RTProperties", [
                Node(DMDDF, "Format", [Node(DMDDF, "chr")]),
                Node(DMDDF, "Type", [Node(DMDDF, "MIME", ["text/plain"])])]),
            Node(DMDDF, "Value", [value])])
    tree = Node(DMDDF, "MgmtTree", [Node(DMDDF, "VerDTD", ["1.2"]), Node(DMDDF, "Node", [
        Node(DMDDF, "NodeName", ["iot220"]), Node(DMDDF, "Path", ["./DMAcc"]),
        Node(DMDDF, "RTProperties", [
            Node(DMDDF, "Format", [Node(DMDDF, "node")]),
            Node(DMDDF, "Type", [Node(DMDDF, "DDFName", ["urn:oma:mo:oma-dm-dmacc:1.0"])])]),
        leaf("AppID", "w7"), leaf("ServerID", "org.example.tnds"), leaf("Name", "by TNDS")])])
    kind = "application/vnd.syncml.dmtnds+xml"
    for data in (tree, syncml.to_xml(tree).decode()):
        session = await b.session()
        r, = await session.run(Cmd("Add", items=[Item("./DMAcc/iot220", meta=Meta("xml", kind),
                                                      data=data)]))
        need(r.code == 200, "Add", r.code)
        values = await b.values(session, "./DMAcc/iot220", "AppID", "ServerID", "Name")
        need(values == {"AppID": "w7", "ServerID": "org.example.tnds", "Name": "by TNDS"},
             "its leaves", values)
        r, = await session.run(delete("./DMAcc/iot220"))
        need(r.code == 200, "Delete", r.code)
        await session.end()
