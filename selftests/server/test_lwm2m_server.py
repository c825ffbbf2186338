# SPDX-License-Identifier: Apache-2.0
"""The LwM2M server against a client of a few lines on the same CoAP library:
checks the plumbing (one socket both ways, blocks, observations), no more."""

import asyncio
import socket
import unittest

import aiocoap
import aiocoap.resource as resource

import codec
from lwm2m_server import LwM2MError, Server


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Value(resource.ObservableResource):
    def __init__(self, value=b""):
        super().__init__()
        self.value = value
        self.writes = 0

    async def render_get(self, request):
        if request.opt.accept == codec.LINK:
            return aiocoap.Message(payload=b"</26242/0/7>", content_format=codec.LINK)
        return aiocoap.Message(payload=self.value, content_format=codec.OPAQUE)

    async def render_put(self, request):
        self.value = request.payload
        self.writes += 1
        self.updated_state()
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_post(self, request):
        return aiocoap.Message(code=aiocoap.METHOD_NOT_ALLOWED, payload=b"not now")


class Plumbing(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.port, own = free_port(), free_port()
        self.server = await Server(port=self.port).start()
        self.value = Value(b"first")
        site = resource.Site()
        site.add_resource(["26242", "0", "7"], self.value)
        self.ctx = await aiocoap.Context.create_server_context(
            site, bind=("127.0.0.1", own), transports=["udp6"])
        self.own = own

    async def asyncTearDown(self):
        await self.ctx.shutdown()
        await self.server.stop()

    async def post(self, path, payload=b"", **query):
        m = aiocoap.Message(code=aiocoap.POST, payload=payload, mtype=aiocoap.CON,
                            uri=f"coap://127.0.0.1:{self.port}/{path}")
        m.opt.uri_query = [f"{k}={v}" for k, v in query.items()]
        return await asyncio.wait_for(self.ctx.request(m).response, 60)

    async def register(self, version="1.1"):
        return await self.post("rd", b"</26242/0>", ep="test", lt=60, lwm2m=version)

    async def test_step_down(self):
        answer = await self.register("1.2")
        self.assertEqual(answer.code, aiocoap.PRECONDITION_FAILED)
        self.assertEqual((await self.post("rd/9")).code, aiocoap.NOT_FOUND)
        answer = await self.register()
        self.assertEqual(answer.code, aiocoap.CREATED)
        self.assertEqual(answer.opt.location_path, ("rd", "1"))
        self.assertEqual((await self.post("rd/1", lt=99)).code, aiocoap.CHANGED)
        self.assertEqual(self.server.clients["1"].lifetime, 99)

    async def test_operations(self):
        await self.register()
        client = await self.server.wait_for_client("test", 60)
        self.assertEqual(client.remote.sockaddr[1], self.own)
        _, value = await self.server.read_value(client, "/26242/0/7")
        self.assertEqual(value, b"first")
        watch = await self.server.observe(client, "/26242/0/7")
        self.assertEqual(await watch.next(), b"first")
        await self.server.write(client, "/26242/0/7", b"second")
        self.assertEqual(await watch.next(), b"second")
        watch.cancel()
        # aiocoap, the client here, would send a long notification unblocked.
        big = bytes(range(256)) * 20
        await self.server.write(client, "/26242/0/7", big)
        self.assertEqual(self.value.writes, 2)
        _, value = await self.server.read_value(client, "/26242/0/7")
        self.assertEqual(value, big)
        _, links = await self.server.discover(client, "/26242/0/7")
        self.assertEqual(links, [("/26242/0/7", {})])
        with self.assertRaises(LwM2MError) as refused:
            await self.server.execute(client, "/26242/0/7")
        self.assertEqual(refused.exception.diagnostic, "not now")

    async def test_waiting_in_vain(self):
        """Says what did not come, and who was there."""
        with self.assertRaisesRegex(TimeoutError, "registration of other: not within 0.1 s "
                                                  r"\(nobody is registered; .*listening"):
            await self.server.wait_for_client("other", 0.1)
        await self.register()
        client = await self.server.wait_for_client("test", 60)
        watch = await self.server.observe(client, "/26242/0/7")
        await watch.next()
        with self.assertRaisesRegex(TimeoutError, "notification of /26242/0/7, after 0 of them: "
                                                  r"not within 0.1 s \(test at .*, /rd/1, 0 up"):
            await watch.next(0.1)
        watch.cancel()

    async def test_port_in_use(self):
        with self.assertRaises(OSError):
            await Server(port=self.port).start()


if __name__ == "__main__":
    unittest.main()
