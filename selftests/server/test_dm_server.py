# SPDX-License-Identifier: Apache-2.0
"""The DM server against a device of a few lines: authentication, sizes, repetitions, what it
complains about."""

import asyncio
import http.client
import tempfile
import unittest
from pathlib import Path

import dm_auth
import syncml
from dm_auth import BASIC, MAC, MD5
from dm_server import Fault, Server
from dm_session import Aborted, DmError, add, atomic, execute, get, put
from fake_dm_device import Device
from syncml import WBXML, XML, Cmd


class Sessions(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.server, self.tasks = await Server(timeout=60).start(), []

    async def asyncTearDown(self):
        await self.server.stop()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def begin(self, *args, session=None, **how):
        device = Device(self.server.uri, *args, **how)
        self.task = asyncio.create_task(device.run(**(session or {})))
        self.tasks.append(self.task)
        return device

    async def test_ways_to_authenticate(self):
        for coding in (XML, WBXML):
            for kind in (BASIC, MD5, MAC):
                self.server.client_auth = self.server.server_auth = kind
                self.server.client_nonce = self.server.server_nonce = b""
                device = self.begin(coding, auth=kind)
                for again in range(2):  # the nonces go on
                    session = await self.server.session()
                    man, none = await session.run(get("./DevInfo/Man"), get("./None"))
                    self.assertEqual((man.code, man.value, none.code), (200, "man", 404))
                    self.assertEqual(session.kind, 1201)
                    await session.end()
                    await self.task
                    self.assertTrue(device.mutual)
                    if not again:
                        self.task = asyncio.create_task(device.run("8"))
        self.assertEqual(self.server.complaints, [])

    async def test_challenges(self):
        device = self.begin(wrong=["no-cred"])
        session = await self.server.session()
        await session.run(get("./DevInfo/Man"))
        await session.end()
        await self.task
        self.assertEqual([c.code for m in session.messages[:2] for c in m.cmds[:1]], [1201, 212])
        self.begin(secret=b"guess")
        with self.assertRaisesRegex(DmError, "does not authenticate"):
            await self.server.session()
        self.task.cancel()
        self.server.server_secret = b"another"  # it does not take us
        device = self.begin(nonce=self.server.client_nonce, session={"number": "8"})
        session = await self.server.session()
        with self.assertRaisesRegex(DmError, "does not accept us"):
            await session.run(get("./DevInfo/Man"))
        self.assertFalse(device.mutual)
        self.task.cancel()

    async def test_large_objects(self):
        blob, words = bytes(range(256)) * 60, "ä€" * 5000
        for coding in (XML, WBXML):
            self.server.client_nonce = self.server.server_nonce = b""
            self.server.max_msg = 3000
            device = self.begin(coding, max_msg=3000)
            device.tree["./Long"] = "x" * 9000
            session = await self.server.session()
            a, b, c, d = await session.run(add("./Blob", blob), put("./Words", words.encode()),
                                           get("./Long"), get("./DevInfo/Man"))
            self.assertEqual([a.code, b.code, c.code, d.value], [200, 200, 200, "man"])
            self.assertGreater(len(a.chunks), 4)
            self.assertEqual(set(a.chunks), {213})
            self.assertEqual(device.tree["./Blob"], blob)
            self.assertEqual(device.tree["./Words"], words.encode())
            self.assertEqual(c.value, "x" * 9000)
            await session.end()
            await self.task
        self.assertEqual(self.server.complaints, [])
        self.server.large_size = lambda uri, n: n + 1
        self.begin(max_msg=3000, nonce=self.server.client_nonce, server_nonce=b"")
        self.server.server_nonce = b""
        session = await self.server.session()
        a, = await session.run(add("./Blob", blob))
        self.assertEqual(a.code, 424)
        await session.end()
        await self.task

    async def test_nested_and_exec(self):
        self.begin()
        session = await self.server.session()
        a, e = await session.run(atomic(put("./A", "1"), put("./B", "2")), execute("./Op", "c1"))
        self.assertEqual((a.code, [c.code for c in a.children], e.code), (200, [200, 200], 202))
        await session.end()
        await self.task
        self.assertEqual(self.server.complaints, [])

    async def test_alerts(self):
        self.begin(session={"alerts": [("c1", "one"), ("c2", "two")]})
        got = await self.server.alert("c2")
        self.assertEqual((got.data, got.type, got.source), ("two", "test", "./X"))
        await self.task
        with self.assertRaisesRegex(DmError, "no alert with correlator 'c3'"):
            await self.server.alert("c3", 0.2)

    async def test_repetitions_and_faults(self):
        with tempfile.TemporaryDirectory() as folder:
            self.server.record = folder
            self.begin(wrong=["twice"])
            session = await self.server.session()
            await session.run(put("./A", "1"))
            await session.end()
            await self.task
            self.assertGreaterEqual(session.repeats, 2)
            names = sorted(p.name for p in Path(folder).iterdir())
            self.assertEqual(names[0], "0001-in-7-1.xml")
            self.assertTrue(any("-out-7-2" in n for n in names))
        self.server.record = None
        for n, fault in enumerate((Fault("lose"), Fault("drop"), Fault("cut"),
                                   Fault("status", 503))):
            self.server.faults = [fault]
            self.begin(session={"number": f"A{n}"})
            if fault.kind in ("drop", "cut"):
                session = await self.server.raw_session()
                await session.receive()
                session.send(session.message([], True))
            with self.assertRaises((OSError, http.client.HTTPException)):
                await self.task

    async def test_misbehaviour(self):
        self.server.tweak = lambda s, m: setattr(m, "session", "FF")
        self.server.garble = lambda s, b: b.replace(b"FF", b"EE")
        self.begin()
        session = await self.server.raw_session()
        await session.receive()
        seen = []
        self.server.keep = lambda way, m, body, coding: seen.append(body)
        session.send(session.message([Cmd("Status", msg_ref="1", cmd_ref="0", cmd="SyncHdr",
                                          data="200")], True))
        await self.task
        self.assertIn(b"<SessionID>EE</SessionID>", seen[-1])

    async def test_complaints(self):
        for wrong, words in (("results-first", "before their Status"), ("no-status", "no Status"),
                             ("gap", "MsgID 3 after 1"), ("size", "Size")):
            self.server.client_nonce = self.server.server_nonce = b""
            device = self.begin(wrong=[wrong], max_msg=3000)
            device.tree["./Long"] = "x" * 9000
            session = await self.server.session()
            await session.run(get("./Long"), put("./A", "1"))
            await session.end()
            await self.task
            self.assertTrue([c for c in self.server.complaints if words in c],
                            (wrong, self.server.complaints))
            self.server.complaints.clear()

    async def test_abort(self):
        server = self.server
        server.client_auth = None
        loop = asyncio.get_running_loop()
        device = Device(server.uri)
        device.target = server.uri

        def talk():
            head = syncml.Message("9", "1", server.uri, "urn:test:device",
                                  cmds=[Cmd("Alert", "1", data="1223")])
            device.post(head)
        task = loop.run_in_executor(None, talk)
        with self.assertRaises(Aborted):
            await server.session()
        task.cancel()

    async def test_push(self):
        loop = asyncio.get_running_loop()
        got = loop.create_future()

        class Port(asyncio.DatagramProtocol):
            def datagram_received(self, data, addr):
                got.set_result(data)
        transport, _ = await loop.create_datagram_endpoint(Port, ("127.0.0.1", 0))
        package = self.server.notification(0x10)
        dm_auth.send_udp(transport.get_extra_info("sockname")[1], dm_auth.push(package, 9))
        self.assertEqual(await asyncio.wait_for(got, 60), b"\x09" + dm_auth.WSP_PUSH[1:] + package)
        transport.close()


if __name__ == "__main__":
    unittest.main()
