# SPDX-License-Identifier: Apache-2.0
"""The demo's server against a pretend device: it says "verified" when all went
well, and never when something did not."""

import asyncio
import json
import os
import sys
import tempfile
import unittest

from fake_device import Card, Device
from scp03 import Keys
from test_lwm2m_server import free_port

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../demo/server.py")
KEY = bytes.fromhex("404142434445464748494A4B4C4D4E4F")
KEYS = Keys(0x30, KEY, KEY, KEY)


class Demo(unittest.IsolatedAsyncioTestCase):
    async def run_demo(self, card, spoil=None, *options):
        port = free_port()
        with tempfile.TemporaryDirectory() as tmp:
            out = os.path.join(tmp, "summary.json")
            demo = await asyncio.create_subprocess_exec(
                sys.executable, SCRIPT, "--port", str(port), "--summary", out, "--wait", "20", *options,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
            line = await asyncio.wait_for(demo.stdout.readline(), 20)
            self.assertIn(b"waiting for a device", line)
            device = await Device(free_port(), port, card, spoil).start()
            try:
                text, errors = await asyncio.wait_for(demo.communicate(), 60)
            finally:
                await device.stop()
            with open(out, encoding="utf-8") as f:
                return demo.returncode, text.decode(), errors.decode(), json.load(f)

    async def test_all_well(self):
        code, text, errors, summary = await self.run_demo(Card(KEYS))
        self.assertEqual((code, errors), (0, ""), text)
        self.assertTrue(summary["verified"])
        self.assertEqual(summary["polled_for_want_of_a_notification"], 0)
        self.assertIn("all verified", text)
        self.assertEqual(summary["registry"]["registry before"],
                         summary["registry"]["registry after"])

    async def test_without_notifications(self):
        code, text, errors, summary = await self.run_demo(Card(KEYS), "mute", "--patience", "0.1")
        self.assertEqual((code, errors), (0, ""), text)
        self.assertGreater(summary["polled_for_want_of_a_notification"], 10)
        self.assertIn("no notification within 0.1 s", text)
        self.assertIn("polled for want of a notification", text)

    async def test_no_new_instances(self):
        code, text, errors, _ = await self.run_demo(Card(KEYS), "full")
        self.assertEqual(code, 1)
        self.assertIn("POST /26242: 4.05", errors)

    async def test_failures_are_seen(self):
        other = Keys(0x30, KEY[::-1], KEY, KEY)
        for card, say in ((Card(KEYS, "mac"), "R-MAC is wrong"),
                          (Card(KEYS, "lock"), "LOCKED is right"),
                          (Card(other), "challenge is not the one"),
                          (Card(Keys(0x30, KEY, KEY[::-1], KEY)), "cryptogram is wrong")):
            code, _, errors, summary = await self.run_demo(card)
            self.assertEqual(code, 1)
            self.assertIn(say, errors)
            self.assertFalse(summary["verified"])


if __name__ == "__main__":
    unittest.main()
