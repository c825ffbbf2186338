#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server installs, locks, extradites, personalises and deletes applications through
objects 26243, 9 and 14, under a policy, and with tokens of the card's issuer where the device
has the keys of a delegated domain only; and sends 512 KiB in blocks, over a kill -9.
What it reads is held against the card's own account. Prints TAP; run inside the
Debian 13 root.
"""

import asyncio
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import aiocoap  # noqa: E402
import cap  # noqa: E402
import codec  # noqa: E402
import gp  # noqa: E402
import script  # noqa: E402
from aiocoap.numbers.codes import PUT  # noqa: E402
from card_issuer import DEFAULT, Issuer, keyset  # noqa: E402
from lwm2m_server import LwM2MError, Server, dotted  # noqa: E402
from stack import Stack, free_port, wait_until  # noqa: E402
from tap import tap  # noqa: E402
from tlv import tlv  # noqa: E402

SOFTWARE, COMPONENT, FIRMWARE, SE, SCRIPT, APP = 9, 14, 5, 26241, 26242, 26243
ISD, SSD, APPLICATION, ELF = range(4)
DONE, FAILED = 3, 4
PKG = bytes.fromhex("F0000000110101")
APPLETS = [PKG + b"\x01", PKG + b"\x02"]
TEST_PKG = bytes.fromhex("F0534553414D4511")
TEST_MODULE = bytes.fromhex("F0534553414D450101")  # the software SE's own applet
DOMAIN = bytes.fromhex("F0534553414D4501")


class Bench:
    """A registered device with a key set, under a policy; issuer(stack) has the card before."""

    def __init__(self, policy=None, issuer=None, keys=keyset("isd", 30, DEFAULT)):
        name = keys[len("[keyset "):keys.index("]")]
        self.port = free_port()
        self.issuer = issuer
        self.server = Server(port=self.port)
        self.stack = Stack(f"coap://127.0.0.1:{self.port}")
        path = self.stack.path("keys")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(keys)
        self.stack.set = {f"keyset {name}.keys": f"file:{path}",
                          **{f"policy test.{k}": v for k, v in {
                              "origin": "lwm2m:test", "keysets": name, **(policy or {})}.items()}}

    async def __aenter__(self):
        await self.server.start()
        self.stack.start_softse()
        if self.issuer:
            self.issuer(self.stack)
        self.stack.start_semd()
        self.client = await self.server.wait_for_client()
        await self.server.read(self.client, (SE, 0, 0))
        return self

    async def __aexit__(self, kind, error, trace):
        loop = asyncio.get_running_loop()
        status = await loop.run_in_executor(None, self.stack.stop)
        await self.server.stop()
        if kind is not None or status != 0:
            print(f"# semd ended with {status}")
            for line in self.stack.text("semd.log").splitlines()[-30:]:
                print(f"# semd: {line}")
        self.stack.remove()

    async def apps(self):
        """{AID: (instance, {resource: value})} of 26243."""
        _, values = await self.server.read(self.client, (APP,), accept=codec.TLV)
        found = {}
        for (_, number, rid), value in values.items():
            found.setdefault(number, {})[rid] = value
        return {r.get(1, b""): (n, r) for n, r in found.items()}

    async def until(self, path, test, seconds=60):
        """The value of a resource once test holds for it."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            _, value = await self.server.read_value(self.client, path)
            if test(value) or asyncio.get_running_loop().time() > end:
                return value
            await asyncio.sleep(0.05)

    async def app(self, aid, test=lambda r: True, seconds=60):
        """Instance number and resources of an AID, once it is there and test holds."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            found = (await self.apps()).get(aid)
            if found and test(found[1]) or asyncio.get_running_loop().time() > end:
                return found or (None, {})
            await asyncio.sleep(0.1)

    async def without(self, *aids, seconds=60):
        """Which of these are on the card still, once none is, or the time is over."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            left = {a for a, (_, r) in (await self.apps()).items() if 3 in r} & set(aids)
            if not left or asyncio.get_running_loop().time() > end:
                return left
            await asyncio.sleep(0.1)

    async def run(self, number, rid, arguments=""):
        """An operation to its end: (state, result, detail)."""
        await self.server.execute(self.client, (APP, number, rid), arguments)
        state = await self.until((APP, number, 22), lambda v: v >= DONE)
        _, values = await self.server.read(self.client, (APP, number))
        return state, values.get((APP, number, 23)), values.get((APP, number, 24))

    async def use_keys(self):
        """The key set on the issuer's domain: the registry is read with it."""
        _, values = await self.server.read(self.client, (APP,), accept=codec.TLV)
        isd = next(n for (_, n, r), v in values.items() if r == 2 and v == ISD)
        await self.server.write(self.client, (APP, isd, 20), "isd")
        await self.app(gp.ISD, lambda r: 3 in r)
        return isd


def package(applets=APPLETS, code=2000, aid=PKG):
    return cap.Cap(aid, list(applets), code=code).zip()


async def install(b, data, arguments="0='isd'"):
    """A package of object 9 up to INSTALLED: its instance."""
    s, c = b.server, b.client
    _, number = await s.create(c, SOFTWARE)
    await s.write(c, (SOFTWARE, number, 2), data, content_format=codec.OPAQUE)
    _, delivered = await s.read(c, (SOFTWARE, number))
    await s.execute(c, (SOFTWARE, number, 4), arguments)
    state = await b.until((SOFTWARE, number, 7), lambda v: v == 4)
    _, values = await s.read(c, (SOFTWARE, number))
    return number, delivered, state, values


async def software():
    async with Bench() as b:
        s, c = b.server, b.client
        isd = await b.use_keys()
        apps = await b.apps()
        tap(apps[gp.ISD][1][2] == ISD and 4 in apps[gp.ISD][1] and len(apps) >= 1,
            "a key set on the issuer's domain: the registry is read", f"{len(apps)} entries")
        number, delivered, state, values = await install(b, package())
        tap(delivered[(SOFTWARE, number, 7)] == 3 and delivered[(SOFTWARE, number, 1)] == "1.0",
            "a CAP file is delivered, its name and version told",
            str(delivered[(SOFTWARE, number, 0)]))
        tap(state == 4 and values[(SOFTWARE, number, 9)] == 2,
            "Install: loaded, an instance of each applet", values[(SOFTWARE, number, 16)])
        first, r = await b.app(APPLETS[0], lambda r: 3 in r)
        elf, e = await b.app(PKG, lambda r: 3 in r)
        tap((r.get(2), r.get(3), e.get(2)) == (APPLICATION, 3, ELF) and r.get(6) == f"{APP}:{elf}",
            "26243 has load file and instances", f"/26243/{elf}, /26243/{first}")
        tap(list(e.get(7, {}).values()) == APPLETS, "modules of the load file", str(e.get(7)))
        _, links = await s.read(c, (SOFTWARE, number, 17))
        _, name = await s.read_value(c, (COMPONENT, first, 0))
        tap(name == APPLETS[0].hex().upper(), "object 14 has the instance", str(links))
        await s.execute(c, (SOFTWARE, number, 10))
        active = await b.until((SOFTWARE, number, 12), bool)
        _, r = await b.app(APPLETS[0], lambda r: r.get(3) == 7)
        tap(active and r.get(3) == 7, "Activate: selectable", f"life cycle {r.get(3)}")
        await s.execute(c, (COMPONENT, first, 4))
        _, r = await b.app(APPLETS[0], lambda r: r.get(9))
        _, other = await b.app(APPLETS[1])
        tap(r.get(3) == 0x87 and other.get(3) == 7, "Deactivate of one component: it is locked",
            f"{r.get(3):#x}")
        await b.until((APP, first, 22), lambda v: v >= DONE)
        tap((await b.run(first, 11))[0] == DONE, "Unlock")
        before = b.stack.executed("80E40000") + b.stack.executed("84E40080")
        await s.execute(c, (SOFTWARE, number, 6))
        state = await b.until((SOFTWARE, number, 7), lambda v: v == 0)
        left = await b.without(PKG, *APPLETS)
        tap(state == 0 and not left and b.stack.executed("84E40080") > before,
            "Uninstall: nothing of it is on the card", f"state {state}")
        await s.delete(c, (SOFTWARE, number))
        try:
            await s.execute(c, (APP, isd, 10))
            tap(False, "the issuer's domain is not locked", "accepted")
        except LwM2MError as e:
            tap(e.code == "4.00", "the issuer's domain is not locked", e.diagnostic)
        _, number = await s.create(c, SOFTWARE)
        for what, data in (("garbage", b"nothing good" * 9), ("a broken CAP file",
                                                            package()[:-300])):
            try:
                await s.write(c, (SOFTWARE, number, 2), data, content_format=codec.OPAQUE)
                tap(False, f"{what} is refused", "accepted")
            except LwM2MError as e:
                _, result = await s.read_value(c, (SOFTWARE, number, 9))
                tap(e.code == "4.00" and result in (53, 54), f"{what} is refused",
                    f"{e.code} {e.diagnostic}, result {result}")


async def operations():
    async with Bench() as b:
        s, c = b.server, b.client
        isd = await b.use_keys()
        await install(b, package([TEST_MODULE], aid=TEST_PKG), f"0='isd',2='{APPLETS[0].hex()}'")
        elf, _ = await b.app(TEST_PKG, lambda r: 7 in r)
        _, end, detail = await b.run(elf, 16, f"1='{APPLETS[1].hex()}',3='A5'")
        new, r = await b.app(APPLETS[1], lambda r: 3 in r)
        tap(end == "ok" and r.get(3) == 7, "Install on a load file: one more instance", detail)
        _, end, detail = await b.run(isd, 16, f"1='{DOMAIN.hex()}',2='80'")
        domain, r = await b.app(DOMAIN, lambda r: 3 in r)
        tap(end == "ok" and r.get(2) == SSD, "Install on the issuer's domain: a security domain", detail)
        watch = await s.observe(c, (APP, new, 22))
        await watch.next()
        _, end, detail = await b.run(new, 13, f"1='{domain}'")
        tap(await watch.until(lambda v: v == DONE) == DONE, "Operation State is notified")
        watch.cancel()
        _, r = await b.app(APPLETS[1], lambda r: r.get(5) == f"{APP}:{domain}")
        tap(end == "ok" and r.get(5) == f"{APP}:{domain}", "Extradite: another parent", detail)
        first, r = await b.app(APPLETS[0])
        tap((await b.run(first, 12))[1] == "ok", "Make Selectable")
        await s.write(c, (APP, first, 17), bytes.fromhex("000100000007"),
                      content_format=codec.OPAQUE)
        state, end, detail = await b.run(first, 14)
        tap(state == DONE and b.stack.executed("84E62000") == 1,
            "Personalise: INSTALL [for personalization], and Data", f"{end}: {detail}")
        try:
            _, end, detail = await b.run(first, 14)
            tap(end != "ok", "its data are used up", f"{end} {detail}")
        except LwM2MError as e:
            tap(e.code == "4.00", "its data are used up", e.diagnostic)
        _, end, detail = await b.run(first, 10)
        _, r = await b.app(APPLETS[0], lambda r: r.get(9))
        tap(end == "ok" and r.get(3) == 0x87, "Lock", detail)
        _, end, detail = await b.run(first, 15)
        _, r = await b.app(APPLETS[0], lambda r: 3 not in r)
        tap(end == "ok" and 3 not in r, "Delete: its result is kept, its life cycle is not", detail)
        await s.execute(c, (APP, first, 32))
        left = APPLETS[0] in await b.apps()
        tap(not left, "Clear: the instance is gone")
        numbers = {a: n for a, (n, _) in (await b.apps()).items()}
        b.stack.stop_semd(signal.SIGKILL)
        s.clients.clear()
        b.stack.start_semd()
        b.client = await s.wait_for_client()
        await s.read(b.client, (SE, 0, 0))
        again = {a: n for a, (n, _) in (await b.apps()).items()}
        tap(numbers == again, "instance numbers survive kill -9",
            " ".join(f"{a.hex()}={n}" for a, n in again.items()))
        for path, args, what in (((APP, new, 13), "0='zz'", "an AID that is none"),
                                 ((APP, new, 16), "", "Install on an application"),
                                 ((APP, 9999, 10), "", "an instance that is not there")):
            try:
                await s.execute(b.client, path, args)
                tap(False, f"{what} is refused", "accepted")
            except LwM2MError as e:
                tap(e.code in ("4.00", "4.04"), f"{what} is refused", f"{e.code} {e.diagnostic}")


async def refused(b, claim, path, arguments=""):
    try:
        await b.server.execute(b.client, path, arguments)
        tap(False, claim, "accepted")
    except LwM2MError as e:
        tap(e.code == "4.05" and "policy" in e.diagnostic, claim, f"{e.code} {e.diagnostic}")


async def policy():
    narrow = {"operations": "list load install sd-create make-selectable lock",
              "aids": "default A000000151* F0000000110101*"}
    async with Bench(narrow) as b:
        s, c = b.server, b.client
        isd = await b.use_keys()
        _, _, state, _ = await install(b, package([APPLETS[0]]))
        first, r = await b.app(APPLETS[0], lambda r: 3 in r)
        tap(state == 4 and r.get(3) == 3, "what the policy has is done: load, install")
        before = len(b.stack.apdus())
        await refused(b, "an operation that it does not have: delete", (APP, first, 15))
        await refused(b, "an AID that it does not have", (APP, isd, 16), f"1='{DOMAIN.hex()}'")
        await s.write(c, (APP, first, 20), "other")
        await refused(b, "a key set that it does not have", (APP, first, 10))
        await s.write(c, (APP, first, 20), "")
        try:
            await s.execute(c, (APP, first, 10))
            tap(False, "no key set at all is refused", "accepted")
        except LwM2MError as e:
            tap(e.code == "4.00", "no key set at all is refused", e.diagnostic)
        sent = [w[3] for w in b.stack.apdus()[before:] if len(w) > 3]
        tap(not [h for h in sent if h[2:4] in ("E4", "E6")], "and nothing of them was sent",
            " ".join(sent[-6:]))


async def tokens():
    issuer = Issuer()
    async with Bench(issuer=issuer, keys=issuer.keys) as b:
        s, c = b.server, b.client

        async def end(number, rid, arguments="", token=b""):
            if token:
                await s.write(c, (APP, number, 19), token)
            return await b.run(number, rid, arguments)

        def done(header):
            return sum(1 for w in b.stack.apdus()[issuer.sent:] if len(w) > 5 and
                       w[5] == "9000" and w[3][2:] == header[2:])

        def no(claim, got, sw, header):
            state, _, words = got
            tap(state == FAILED and sw in words and "token" in words and not done(header),
                claim, f"{state}: {words}")

        _, values = await s.read(c, (APP,), accept=codec.TLV)
        isd = next(n for (_, n, r), v in values.items() if r == 2 and v == ISD)
        await s.write_instance(c, (APP, isd), {20: "dm", 21: issuer.domain})
        _, r = await b.app(issuer.domain, lambda r: 3 in r)
        tap(r.get(2) == SSD, "the registry is read with the domain's keys", str(r))
        file = cap.Cap(PKG, list(APPLETS), code=600)
        for right in (False, True):
            _, number = await s.create(c, SOFTWARE)
            await s.write(c, (SOFTWARE, number, 2), issuer.load_plan(file, right),
                          content_format=codec.OPAQUE)
            await s.execute(c, (SOFTWARE, number, 4))
            result = await b.until((SOFTWARE, number, 9), lambda v: v in (2, 58))
            _, words = await s.read_value(c, (SOFTWARE, number, 16))
            if right:
                tap(result == 2 and done("80E60200") == 1, "a plan with a load token: loaded",
                    words)
            else:
                tap(result == 58 and "6985" in words and b.stack.executed("80E80000") == 0,
                    "a plan without: refused before the first block", words)
        elf, _ = await b.app(PKG, lambda r: 7 in r)
        empty = tlv(0xC9, b"")
        one, two = (issuer.token(issuer.install(p1, PKG, aid, aid, b"\0", empty))
                    for p1, aid in ((12, APPLETS[0]), (4, APPLETS[1])))
        first, second = (f"0='{aid.hex()}'" for aid in APPLETS)
        no("Install without a token", await end(elf, 16, first), "6985", "80E60C00")
        no("with a token of another AID", await end(elf, 16, first, two), "6982", "80E60C00")
        no("which is used up by that", await end(elf, 16, first), "6985", "80E60C00")
        no("with a token of other parameters", await end(elf, 16, first + ",3='A5'", one),
           "6982", "80E60C00")
        no("or of other privileges", await end(elf, 16, first + ",2='04'", one), "6982",
           "80E60C00")
        left = {a for a, (_, r) in (await b.apps()).items() if 3 in r}
        tap(left == {issuer.domain, PKG}, "nothing of them is on the card", str(len(left)))
        _, result, words = await end(elf, 16, first, one)
        new, r = await b.app(APPLETS[0], lambda r: 3 in r)
        tap(result == "ok" and (r.get(3), r.get(6)) == (7, f"{APP}:{elf}"),
            "with the right one: done", words)
        no("which is used up", await end(elf, 16, second + ",4"), "6985", "80E60400")
        before = len(b.stack.apdus())
        state, _, words = await end(elf, 16, first, one)
        sent = [w[3][2:4] for w in b.stack.apdus()[before:]]
        tap(state == FAILED and "E6" not in sent, "the same once more: nothing is sent", words)
        result = (await end(elf, 16, second + ",4", two))[1]
        other, r = await b.app(APPLETS[1], lambda r: 3 in r)
        tap(result == "ok" and r.get(3) == 3, "Install, not selectable", str(r.get(3)))
        for at, rid, name, arguments, apdu in (
                (other, 12, "Make Selectable", "",
                 issuer.install(8, b"", b"", APPLETS[1], b"\0", b"")),
                (other, 13, "Extradite", f"0='{gp.ISD.hex()}'",
                 issuer.install(16, gp.ISD, b"", APPLETS[1], b"", b"")),
                (new, 15, "Delete", "", gp.delete(APPLETS[0]))):
            header = "80" + apdu[1:4].hex().upper()
            no(f"{name} without a token", await end(at, rid, arguments), "6985", header)
            no("with one of another command", await end(at, rid, arguments, one), "6982",
               header)
            _, result, words = await end(at, rid, arguments, issuer.token(apdu))
            tap(result == "ok" and done(header) == 1, "with the right one: done", words)
        await asyncio.to_thread(b.stack.stop_semd)
        seen = issuer.registry(b.stack)
        tap(APPLETS[0] not in seen and seen[APPLETS[1]] == ("SELECTABLE", gp.ISD) and
            seen[PKG] == ("LOADED", issuer.domain), "and so it is for the card's issuer",
            str(len(seen)))


def resident(pid, what="VmRSS"):
    """RSS in KiB; VmHWM is the most that it ever was."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what))


async def blocks(b, number, data, begin, end, szx=6):
    """Bytes of a package as Block1 from begin on, the last one with data's end: codes."""
    size = 16 << szx
    codes = []
    for at in range(begin, end, size):
        m = b.server.message(b.client, PUT, (SOFTWARE, number, 2), data[at:at + size],
                             content_format=codec.OPAQUE)
        m.opt.block1 = (at // size, at + size < len(data), szx)
        r = await b.server.answer(m, handle_blockwise=False)
        codes.append(dotted(r.code))
        if r.code >> 5 != 2:
            return codes, r.payload.decode(errors="replace")
    return codes, ""


async def large():
    async with Bench({"instructions": "*"}) as b:
        s = b.server
        apdus = [gp.capdu(0x80, 0xCA, 0, 0x66, b"", 0)] * 200
        filler = gp.capdu(0x80, 0xCA, 0x2F, 0x00, b"\x5c\x00" + bytes(200), 0)
        while len(script.command_script(apdus)) < 512 * 1024:
            apdus += [filler] * 100
        data = script.command_script(apdus)
        _, number = await s.create(b.client, SOFTWARE)
        before = resident(b.stack.semd.pid)
        half = len(data) // 2 // 1024 * 1024
        codes, _ = await blocks(b, number, data, 0, half)
        grown = resident(b.stack.semd.pid) - before
        tap(set(codes) == {"2.31"} and grown < 256,
            "half of 512 KiB in blocks: memory does not grow with it",
            f"{len(codes)} blocks, {grown} KiB more")
        b.stack.stop_semd(signal.SIGKILL)
        s.clients.clear()
        b.stack.start_semd()
        b.client = await s.wait_for_client()
        _, values = await s.read(b.client, (SOFTWARE, number))
        here = int(values[(SOFTWARE, number, 16)].split()[0])
        tap(values[(SOFTWARE, number, 7)] == 1 and half - 65536 <= here <= half,
            "after kill -9: the package is told to be there so far", f"{here} of {half} bytes")
        codes, words = await blocks(b, number, data, here + 2048, here + 3072)
        tap(codes == ["4.08"] and str(here) in words, "a gap is refused, with the place to go on",
            words)
        before = resident(b.stack.semd.pid)
        codes, words = await blocks(b, number, data, here // 1024 * 1024, len(data))
        _, values = await s.read(b.client, (SOFTWARE, number))
        tap(codes[-1] == "2.04" and values[(SOFTWARE, number, 7)] == 3,
            "the transfer goes on there, to its end", f"{len(codes)} blocks {words}")
        await s.execute(b.client, (SOFTWARE, number, 4))
        state = await b.until((SOFTWARE, number, 7), lambda v: v == 4)
        _, values = await s.read(b.client, (SOFTWARE, number))
        ran = b.stack.executed("80CA2F00")
        grown = resident(b.stack.semd.pid) - before
        tap(ran >= len(apdus) - 200, "Install: every command of the script ran once",
            f"{ran} of {len(apdus) - 200}, state {state}: {values[(SOFTWARE, number, 16)]}")
        tap(grown < 2048, "and memory stays bounded", f"{grown} KiB more for {len(data)} bytes")


async def large_cap():
    """A CAP file is read where it is, from its last block to the last LOAD."""
    async with Bench() as b:
        s, c, pid = b.server, b.client, b.stack.semd.pid
        await b.use_keys()
        _, number = await s.create(c, SOFTWARE)
        most = {}
        # what the first one needs is what any does: the heap, the journal's cache; the second
        # has two LOADs of extended length, the most that are made at a time
        for kib in (128, 128, 512):
            data = cap.Cap(PKG, APPLETS[:1], minor=3, resource=os.urandom(kib * 1024)).zip()
            with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as f:
                f.write("5")  # VmHWM begins anew
            before = resident(pid)
            codes, words = await blocks(b, number, data, 0, len(data))
            delivered = resident(pid, "VmHWM") - before
            await s.execute(c, (SOFTWARE, number, 4), "0='isd'")
            state = await b.until((SOFTWARE, number, 7), lambda v: v == 4)
            _, r = await b.app(APPLETS[0], lambda r: 3 in r)
            most[kib] = resident(pid, "VmHWM") - before
            tap(codes[-1] == "2.04" and state == 4 and r.get(3) == 3,
                f"a CAP file of {kib} KiB, in blocks, is installed",
                f"at most {delivered} KiB more until it is delivered, {most[kib]} in all {words}")
            await s.execute(c, (SOFTWARE, number, 6))
            await b.until((SOFTWARE, number, 7), lambda v: v == 0)
        tap(delivered < 256 and most[512] < most[128] + 384,
            "memory does not grow with a CAP file, nor while it is installed",
            f"{most[512]} KiB more with 512 KiB, {most[128]} with 128")


def allow_retry(stack):
    """The owner's word where kill -9 met an authentication: semd does not go on without."""
    folder = os.path.join(stack.state_dir, "attempts")
    unknown = [name for name in os.listdir(folder)
               if "state=unknown" in stack.text(os.path.join(folder, name))]
    for name in unknown:
        os.unlink(os.path.join(folder, name))
    return len(unknown)


async def killed():
    """kill -9 in the middle of an installation, after another number of APDUs each time."""
    async with Bench() as b:
        s = b.server
        await b.use_keys()
        data = package([APPLETS[0]], code=60000)
        _, number = await s.create(b.client, SOFTWARE)
        early, met, steps = 0, 0, []
        for point in (0, 2, 4, 8, 16):
            before = len(b.stack.apdus())
            await s.write(b.client, (SOFTWARE, number, 2), data, content_format=codec.OPAQUE)
            await s.execute(b.client, (SOFTWARE, number, 4), "0='isd'")
            wait_until(lambda: len(b.stack.apdus()) >= before + point, 60, f"{point} APDUs")
            b.stack.stop_semd(signal.SIGKILL)
            met += allow_retry(b.stack)
            s.clients.clear()
            b.stack.start_semd()
            b.client = await s.wait_for_client()
            for _ in range(3):
                result = await b.until((SOFTWARE, number, 9), lambda v: v in (2, 58))
                if result == 2:
                    break
                early += 1
                await s.execute(b.client, (SOFTWARE, number, 4), "0='isd'")
            _, values = await s.read(b.client, (SOFTWARE, number))
            steps.append(values[(SOFTWARE, number, 7)])
            await b.app(APPLETS[0], lambda r: r.get(3) == 3)
            await s.execute(b.client, (SOFTWARE, number, 6))
            await b.until((SOFTWARE, number, 7), lambda v: v == 0)
        tap(steps == [4] * 5, "kill -9 while a package is installed: Install again completes it",
            f"{early} times begun again, {met} authentications were met")
        made = sum(1 for w in b.stack.apdus()
                   if len(w) > 5 and w[3][2:6] == "E604" and w[5] == "9000")
        tap(made == 5, "and each of its instances was made once", f"{made} of 5")
        end = asyncio.get_running_loop().time() + 60
        while (left := set(await b.apps()) - {gp.ISD}) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.1)
        tap(not left, "and nothing is left of them in the end", " ".join(a.hex() for a in left))


def main():
    tests = {f.__name__: f for f in (software, operations, policy, tokens, large,
                                      large_cap, killed)}
    for name in sys.argv[1:] or tests:
        try:
            asyncio.run(tests[name]())
        except (AssertionError, LwM2MError, codec.CodecError, aiocoap.error.Error, ValueError,
                KeyError, TypeError, StopIteration, TimeoutError, OSError) as e:
            tap(False, name, f"{type(e).__name__}: {e}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
