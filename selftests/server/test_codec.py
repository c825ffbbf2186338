# SPDX-License-Identifier: Apache-2.0
"""LwM2M payload codecs."""

import os
import re
import unittest
import xml.etree.ElementTree as ET

import codec
from codec import MULTIPLE, RESOURCE, RESOURCE_INSTANCE, CodecError

h = bytes.fromhex
OBJECTS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "../../Documentation/objects")


class Tlv(unittest.TestCase):
    def test_device_object(self):
        # Example of OMA-TS-LightweightM2M 1.0, 6.4.3.1: Read /3/0
        data = h("C800144F70656E204D6F62696C6520416C6C69616E6365"
                 "C801164C69676874776569676874204D324D20436C69656E74"
                 "C80209333435303030313233C303312E30"
                 "860641000141010588070842000ED842011388870841007D42010384"
                 "C10964C10A0F830B410000C40D5182428FC60E2B30323A3030C11055")
        got = codec.tlv_split(data)
        self.assertEqual([(k, i) for k, i, _ in got],
                         [(RESOURCE, 0), (RESOURCE, 1), (RESOURCE, 2), (RESOURCE, 3),
                          (MULTIPLE, 6), (MULTIPLE, 7), (MULTIPLE, 8), (RESOURCE, 9),
                          (RESOURCE, 10), (MULTIPLE, 11), (RESOURCE, 13),
                          (RESOURCE, 14), (RESOURCE, 16)])
        self.assertEqual(b"".join(codec.tlv_entry(*e) for e in got), data)
        values = codec.decode_tlv((3, 0), data)
        self.assertEqual(values[(3, 0, 0)], "Open Mobile Alliance")
        self.assertEqual(values[(3, 0, 11)], {0: 0})
        self.assertEqual(values[(3, 0, 13)], 1367491215)

    def test_round_trip(self):
        resources = {0: "1:0", 1: h("A000000151000000"), 2: bytes(70000), 12: True,
                     13: 300, 300: b"x"}
        data = codec.encode_resources_tlv(26242, resources)
        got = codec.decode_tlv((26242, 3), data)
        self.assertEqual(got[(26242, 3, 0)], "1:0")
        self.assertEqual(got[(26242, 3, 2)], bytes(70000))
        self.assertEqual((got[(26242, 3, 12)], got[(26242, 3, 13)]), (True, 300))
        for v in (0, -1, 127, 128, -129, 32768, 1 << 31, -(1 << 63)):
            self.assertEqual(codec.decode_value("i", codec.encode_value("i", v)), v)

    def test_bad(self):
        good = codec.encode_resources_tlv(26242, {2: bytes(300)})
        for n in range(1, len(good)):
            with self.assertRaises(CodecError):
                codec.tlv_split(good[:n])
        for path, bad in (((26241, 0), "C304000000"), ((26242, 0), "C10C02"),
                          ((26242, 0), "C3000000 01"), ((26241,), "C10401"),
                          ((26241, 0), "4100 01"), ((26241, 0), "080100")):
            with self.assertRaises(CodecError, msg=bad):
                codec.decode_tlv(path, h(bad))
        self.assertEqual(codec.tlv_entry(RESOURCE_INSTANCE, 256, b""), h("600100"))


class Senml(unittest.TestCase):
    def test_round_trip(self):
        entries = {(26242, 0, 0): "26241:0", (26242, 0, 2): b"\xaa\x00",
                   (26242, 0, 12): True, (26242, 0, 13): -5, (3, 0, 0): "x",
                   (26241, 0, 7): {0: b"1", 1: b"2"}}
        self.assertEqual(codec.decode_senml(codec.encode_senml(entries)), entries)

    def test_base_name(self):
        # RFC 8428 labels: bn -2, n 0, v 2, vs 3
        data = h("82 A3 21 65 2F332F302F 00 61 30 03 61 61 A2 00 62 3133 02 18 2A")
        self.assertEqual(codec.decode_senml(data), {(3, 0, 0): "a", (3, 0, 13): 42})

    def test_bad(self):
        for bad in ("", "A0", "81", "8101", "81A20061780201", "81A2006430 2F302F 0201",
                    "81A3 0066 2F332F302F30 0201 0361 61"):
            with self.assertRaises(CodecError, msg=bad):
                codec.decode_senml(h(bad))


class Json(unittest.TestCase):
    ENTRIES = {(26242, 0, 0): "26241:0", (26242, 0, 2): b"\xfb\xff", (26242, 0, 12): True,
               (26242, 0, 13): -5, (3, 0, 0): "x", (3, 0, 11): {0: 1, 2: 3}}

    def test_senml(self):
        data = codec.encode_senml_json(self.ENTRIES)
        self.assertIn(b'"-_8"', data)
        self.assertEqual(codec.decode_senml_json(data), self.ENTRIES)
        times = []
        got = codec.decode_senml_json(
            b'[{"bn":"/26241/0/4","bt":1367491215,"v":4},{"t":1,"v":5}]', times)
        self.assertEqual(got, {(26241, 0, 4): 5})
        self.assertEqual([t for _, t, _ in times], [1367491215, 1367491216])
        for bad in (b"", b"{}", b"[1]", b'[{"n":"/3/0/0"}]', b'[{"n":"/x/0/0","v":1}]',
                    b'[{"n":"/3/0/0","v":1,"vs":"1"}]', b'[{"n":"/26242/0/1","vd":"+/8="}]'):
            with self.assertRaises(CodecError, msg=bad):
                codec.decode_senml_json(bad)

    def test_of_1_0(self):
        # OMA-TS-LightweightM2M 1.0, 6.4.4
        data = (b'{"bn":"/3/0/","e":[{"n":"0","sv":"Open Mobile Alliance"},'
                b'{"n":"11/0","v":0},{"n":"13","v":1367491215}]}')
        want = {(3, 0, 0): "Open Mobile Alliance", (3, 0, 11): {0: 0}, (3, 0, 13): 1367491215}
        self.assertEqual(codec.decode_json(data), want)
        self.assertEqual(codec.decode_json(codec.encode_json((3, 0), want)), want)
        self.assertEqual(codec.decode_json(b'{"bn":"/26242/0/1","e":[{"sv":"+/8="}]}'),
                         {(26242, 0, 1): b"\xfb\xff"})


class Lwm2mCbor(unittest.TestCase):
    def test_round_trip(self):
        entries = {**Json.ENTRIES, (3, 0, 13): 1367491215}
        self.assertEqual(codec.decode_lwm2m_cbor(codec.encode_lwm2m_cbor(entries)), entries)

    def test_forms(self):
        for form in ("A1 83 0D 18 1A 01 18 2A", "BF 9F 0D 18 1A 01 FF 18 2A FF",
                     "A1 0D A1 18 1A A1 01 18 2A", "A1 82 0D 18 1A A1 01 18 2A"):
            self.assertEqual(codec.decode_lwm2m_cbor(h(form)), {(13, 26, 1): 42}, form)
        for bad in ("", "80", "A1", "A1 61 33 01", "A1 80 01", "A1 03 01"):
            with self.assertRaises(CodecError, msg=bad):
                codec.decode_lwm2m_cbor(h(bad))


class Links(unittest.TestCase):
    def test_registration(self):
        links = codec.parse_links('</>;rt="oma.lwm2m";ct="60 110",</1/0>,</3/0>;ver=1.1;x')
        self.assertEqual([t for t, _ in links], ["/", "/1/0", "/3/0"])
        self.assertEqual(links[0][1], {"rt": "oma.lwm2m", "ct": "60 110"})
        self.assertEqual(links[2][1], {"ver": "1.1", "x": None})
        for bad in ("x", "</1/0>,x", "</1/0", "</1/0> </1/1>"):
            with self.assertRaises(ValueError):
                codec.parse_links(bad)


@unittest.skipUnless(os.path.isdir(OBJECTS), "no object definitions in this tree")
class Definitions(unittest.TestCase):
    LETTERS = {"String": "s", "Integer": "i", "Boolean": "b", "Opaque": "o",
               "Objlnk": "l", "Time": "t", "": "x"}

    def test_types_agree_with_the_published_objects(self):
        for name in os.listdir(OBJECTS):
            m = re.fullmatch(r"(26241|26242)\.xml", name)
            if not m:
                continue
            root = ET.parse(os.path.join(OBJECTS, name)).getroot()
            got = {int(i.get("ID")): self.LETTERS[(i.findtext("Type") or "").strip()]
                   for i in root.iter("Item")}
            self.assertEqual(got, codec.TYPES[int(m[1])], name)


if __name__ == "__main__":
    unittest.main()
