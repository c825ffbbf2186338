# SPDX-License-Identifier: Apache-2.0
"""Scripts and card content management commands, byte for byte."""

import hashlib
import unittest

import gp
import script
from tlv import TlvError, parse, tlv

h = bytes.fromhex


class Tlv(unittest.TestCase):
    def test_lengths(self):
        for n, field in ((0, "00"), (127, "7F"), (128, "8180"), (255, "81FF"),
                         (256, "820100"), (65536, "83010000")):
            self.assertEqual(tlv(0x22, bytes(n)), h("22" + field) + bytes(n))
            self.assertEqual(parse(tlv(0x9F70, bytes(n))), [(0x9F70, bytes(n))])

    def test_cut(self):
        whole = h("4F05A000000151") + tlv(0xE3, bytes(300))
        for n in range(1, len(whole)):
            if n != 7:
                with self.assertRaises(TlvError):
                    parse(whole[:n])
        for bad in ("1F", "1F8181818101 00", "0485", "0480"):
            with self.assertRaises(TlvError):
                parse(h(bad))


class Script(unittest.TestCase):
    # The goldens are those of the project's standards digest, 3.4.
    def test_command(self):
        apdu = h("80F24002024F0000")
        self.assertEqual(script.command_script([apdu]), h("AA0A220880F24002024F0000"))
        self.assertEqual(script.command_script([apdu], indefinite=True),
                         h("AE80220880F24002024F00000000"))
        self.assertEqual(
            script.command_script([apdu], error_action=b"\0", chaining=1),
            h("AA10 830101 820100 220880F24002024F0000"))

    def test_response(self):
        r = script.parse_response(h("AB0780010123026132"))
        self.assertEqual((r.executed, r.rapdus, r.complaint), (1, [h("6132")], None))
        r = script.parse_response(h("AF80 800102 23029000 230401026A82 0000"))
        self.assertEqual((r.executed, r.rapdus), (2, [h("9000"), h("01026A82")]))
        self.assertEqual(script.parse_response(h("AB06800101900101")).complaint,
                         "bad format: unknown tag")
        self.assertEqual(script.parse_response(h("AB06800101830102")).chaining_error, 2)

    def test_bad_response(self):
        for bad in ("", "AB", "AB03800101FF", "AB04800101", "AA03800101", "AB80800101",
                    "AF03800101", "AF80800101", "AB00", "AB0780010123016132",
                    "AB0780010123036132", "AB06800101990101", "AB0723016123028001"):
            with self.assertRaises(TlvError, msg=bad):
                script.parse_response(h(bad))


class Gp(unittest.TestCase):
    ELF, MODULE, APP = (h("F0534553414D4501"), h("F0534553414D450101"),
                        h("F0534553414D450102"))

    def test_commands(self):
        load = gp.synthetic_load_file(500, seed=7)
        self.assertEqual(
            gp.install_for_load(self.ELF, load.hash, gp.ISD),
            h("80E60200 35 08F0534553414D4501 08A000000151000000 20") +
            hashlib.sha256(load.block).digest() + h("00 00 00"))
        self.assertEqual(
            gp.install_and_make_selectable(self.ELF, self.MODULE, self.APP),
            h("80E60C00 23 08F0534553414D4501 09F0534553414D450101 "
              "09F0534553414D450102 0100 02C900 00 00"))
        self.assertEqual(gp.set_status_application(self.APP, gp.LOCK),
                         h("80F04080 09F0534553414D450102"))
        self.assertEqual(gp.get_status(gp.OF_APPLICATIONS), h("80F24002 02 4F00 00"))
        self.assertEqual(gp.delete(self.ELF, True), h("80E40080 0A 4F08F0534553414D4501 00"))
        self.assertEqual(gp.select(b""), h("00A4040000"))
        self.assertEqual(gp.get_data(0x2F00, h("5C00")), h("80CA2F00025C0000"))

    def test_load_blocks(self):
        for size in (0, 1, 127, 128, 235, 236, 4000):
            load = gp.synthetic_load_file(size)
            blocks = load.loads(239)
            body = b"".join(b[5:5 + b[4]] for b in blocks)
            self.assertEqual(body, tlv(0xC4, load.block))
            self.assertEqual([b[3] for b in blocks], list(range(len(blocks))))
            self.assertEqual([b[2] for b in blocks], [0] * (len(blocks) - 1) + [0x80])
        self.assertEqual(gp.synthetic_load_file(64, 3), gp.synthetic_load_file(64, 3))
        with self.assertRaises(ValueError):
            gp.synthetic_load_file(70000).loads(239)

    def test_records(self):
        data = tlv(0xE3, tlv(0x4F, self.APP), h("9F700107C503000000"), tlv(0xC4, self.ELF),
                   tlv(0xCC, gp.ISD))
        data += tlv(0xE3, tlv(0x4F, self.MODULE), h("9F700187C503000000"))
        one, two = gp.records("app", data)
        self.assertEqual((one.aid, one.state_name, one.load_file, one.domain),
                         (self.APP, "SELECTABLE", self.ELF, gp.ISD))
        self.assertEqual(two.state_name, "LOCKED")
        elf, = gp.records("elf", tlv(0xE3, tlv(0x4F, self.ELF), h("9F700101"),
                                     tlv(0x84, self.MODULE)))
        self.assertEqual((elf.state_name, elf.modules), ("LOADED", (self.MODULE,)))
        self.assertEqual(gp.Record("isd", gp.ISD, 0x01).state_name, "OP_READY")
        with self.assertRaises(ValueError):
            gp.records("app", h("E30101"))
        with self.assertRaises(ValueError):
            gp.records("app", h("4F0101"))


if __name__ == "__main__":
    unittest.main()
