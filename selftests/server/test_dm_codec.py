# SPDX-License-Identifier: Apache-2.0
"""The codecs of the DM server: vectors, both codings of one message, what is refused."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import dm_auth
import syncml
import wbxml
from syncml import WBXML, XML, Cmd, Cred, Item, Message, Meta
from wbxml import DMDDF, METINF, SYNCML, Node


def example():
    """Something of everything."""
    return Message(
        "1A2B", "3", "urn:uuid:1", "http://127.0.0.1/dm", "com.example.dm",
        "http://127.0.0.1/dm?sid=1", Cred(dm_auth.MD5, "Zz6EivR3yeaaENcRN6lpAQ=="), 16384, 70000,
        [Cmd("Status", "1", msg_ref="2", cmd_ref="0", cmd="SyncHdr", target_ref=["a"],
             source_ref=["b"], data="212", chal=Meta("b64", dm_auth.MD5, next_nonce=b"Nonce")),
         Cmd("Replace", "2", items=[Item("./A", meta=Meta("chr", "text/plain"), data="ä < b & c"),
                                    Item("./B", meta=Meta("bin", size=9), data=b"\0\1\xff",
                                         more=True)]),
         Cmd("Exec", "3", correlator="c-1", items=[Item("./Op")]),
         Cmd("Atomic", "4", children=[Cmd("Delete", "5", items=[Item("./C")]),
                                      Cmd("Sequence", "6", children=[
                                          Cmd("Get", "7", items=[Item("./D?list=TNDS")])])]),
         Cmd("Alert", "8", data="1226", correlator="c-2", no_resp=True, items=[
             Item(source="./S", meta=Meta("chr", "org.x", "critical"), data="")])], False)


def plain(m):
    """Without what the way there changes: how bytes are marked."""
    for c in m.cmds:
        for i in c.items:
            i.raw = None
            if i.meta and i.meta.format in ("b64", "bin"):
                i.meta.format = "bin"
    return m


class Vectors(unittest.TestCase):
    def test_credentials(self):
        self.assertEqual(dm_auth.basic("Bruce2", "OhBehave"), "QnJ1Y2UyOk9oQmVoYXZl")
        self.assertEqual(dm_auth.md5("Bruce2", "OhBehave", "Nonce"), "Zz6EivR3yeaaENcRN6lpAQ==")
        head = dm_auth.hmac_header("Bruce2", "OhBehave", "Nonce", b"<SyncML/>")
        self.assertEqual(head, 'algorithm=MD5, username="Bruce2", mac=urdCeS3JUmjFgi8SX3webw==')
        self.assertEqual(dm_auth.parse_hmac(head), {
            "algorithm": "MD5", "username": "Bruce2", "mac": "urdCeS3JUmjFgi8SX3webw=="})

    def test_package_0(self):
        got = dm_auth.notification("com.example.dm", "secret", b"0123456789abcdef", 0x1A2B)
        self.assertEqual(got.hex(), "b08e03e17677094a03f8975f451f3b1d02d80000001a2b0e"
                         "636f6d2e6578616d706c652e646d")
        self.assertEqual(dm_auth.push(got)[:6].hex(), "010603c4af87")

    def test_wbxml_by_hand(self):
        """<SyncML><SyncHdr><MsgID>1</MsgID></SyncHdr><SyncBody><Final/></SyncBody></SyncML>
        and a Meta, from the token tables."""
        tree = Node(SYNCML, "SyncML", [
            Node(SYNCML, "SyncHdr", [Node(SYNCML, "MsgID", ["1"]),
                                     Node(SYNCML, "Meta", [Node(METINF, "Size", ["9"])])]),
            Node(SYNCML, "SyncBody", [Node(SYNCML, "Final")])])
        want = bytes.fromhex("02a4016a00" "6d" "6c" "5b033100" "01" "5a0001520339000101" "01"
                             "00006b12" "01" "01")
        self.assertEqual(wbxml.encode(tree), want)
        self.assertEqual(wbxml.decode(want), tree)

    def test_string_table(self):
        """Public identifier by name, a text by STR_T, ENTITY, OPAQUE."""
        fpi = b"-//SYNCML//DTD SyncML 1.2//EN\0"
        table = fpi + b"./A\0"
        data = b"\x03\x00\x00\x6a" + bytes([len(table)]) + table + \
            b"\x6d\x57\x83" + bytes([len(fpi)]) + b"\x02\x81\x60\xc3\x02hi\x01\x01"
        self.assertEqual(wbxml.decode(data).find("LocURI").kids, ["./A", "\u00e0", b"hi"])

    def test_unlike_pages(self):
        for page, name in ((SYNCML, "Correlator"), (METINF, "FieldLevel"), (DMDDF, "ZeroOrOne")):
            tree = Node(page, name)
            self.assertEqual(wbxml.decode(wbxml.encode(tree)), tree)


class RoundTrip(unittest.TestCase):
    def test_both(self):
        for coding in (XML, WBXML):
            for how in ({}, {"version": 3}, {"fpi": True}, {"table": True}, {"plain_b64": True}):
                if coding == XML and how:
                    continue
                raw = syncml.encode(example(), coding, **how)
                self.assertEqual(plain(syncml.decode(raw, coding)), plain(example()), (coding, how))

    def test_meta_of_a_command(self):
        raw = b"""<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr/><SyncBody><Results><CmdID>1</CmdID>
            <Meta><MetInf xmlns='syncml:metinf'><Format>b64</Format></MetInf></Meta><Item>
            <Source><LocURI> ./A </LocURI></Source><Data>aGVs\nbG8=</Data></Item></Results>
            </SyncBody></SyncML>"""
        m = syncml.decode(raw, XML)
        self.assertEqual((m.cmds[0].item.source, m.cmds[0].item.data, m.final),
                         ("./A", b"hello", False))

    def test_inline_markup(self):
        raw = b"""<SyncML><SyncHdr/><SyncBody><Alert><CmdID>1</CmdID><Item><Data><A>1</A><B/>
            </Data></Item></Alert></SyncBody></SyncML>"""
        self.assertEqual(syncml.decode(raw, XML).cmds[0].item.data, "<A>1</A><B/>")

    def test_opaque(self):
        """In WBXML an OPAQUE is octets, base64 or text, as Format says."""
        for fmt, there, here in (("bin", b"\0\xff", b"\0\xff"), ("b64", b"AP8=", b"\0\xff"),
                                 ("chr", b"\xc3\xa4", "ä"), (None, b"x", "x")):
            m = example()
            m.cmds = [Cmd("Get", "1", items=[Item("./A", meta=Meta(fmt), data="?")])]
            tree = syncml.to_tree(m, WBXML)
            item = tree.find("SyncBody").find("Get").find("Item")
            item.find("Data").kids = [there]
            self.assertEqual(syncml.decode(wbxml.encode(tree), WBXML).cmds[0].item.data, here)

    def test_media_type(self):
        self.assertEqual(syncml.coding_of("Application/vnd.syncml.dm+WBXML; charset=utf-8"), WBXML)
        with self.assertRaises(syncml.SyncmlError):
            syncml.coding_of("application/vnd.syncml+xml")


class Refused(unittest.TestCase):
    def test_xml(self):
        for raw in (b"", b"<SyncML>", b"<A/>", b"<SyncML/>",
                    b"<!DOCTYPE SyncML [<!ENTITY a 'b'>]><SyncML/>",
                    b"<SyncML><SyncHdr/><SyncBody><Get/></SyncBody></SyncML>",
                    b"<SyncML><SyncHdr/><SyncBody><Add><CmdID>1</CmdID><Item><Meta><Format>b64"
                    b"</Format></Meta><Data>a</Data></Item></Add></SyncBody></SyncML>"):
            with self.assertRaises(ValueError, msg=raw):
                syncml.decode(raw, XML)

    def test_wbxml_cut_and_changed(self):
        """No end of the bytes is taken for a whole message; no octet crashes the decoder."""
        raw = syncml.encode(example(), WBXML, table=True)
        for n in range(len(raw)):
            with self.assertRaises(wbxml.WbxmlError, msg=str(n)):
                wbxml.decode(raw[:n])
        for n in range(len(raw)):
            for bits in (0x01, 0x40, 0x80, 0xFF):
                try:
                    syncml.decode(raw[:n] + bytes([raw[n] ^ bits]) + raw[n + 1:], WBXML)
                except ValueError:
                    pass

    def test_wbxml_limits(self):
        for raw in (b"\x02\xa4\x01\x6a\x00" + b"\x6d" * 40, b"\x02\xa4\x01\x6a\x00\x6d\xc3\xff\xff"
                    b"\xff\xff\x7f", b"\x02\xa4\x01\x6a\x00\x6d\x83\x05\x01",
                    b"\x02\x01\x6a\x00\x2d",
                    b"\x02\xa4\x01\x6a\x00\x00\x09\x2d", b"\x02\xa4\x01\x03\x00\x2d"):
            with self.assertRaises(wbxml.WbxmlError, msg=raw.hex()):
                wbxml.decode(raw)


@unittest.skipUnless(shutil.which("wbxml2xml"), "libwbxml's tools are not installed")
class Libwbxml(unittest.TestCase):
    """Another reading of the token tables."""

    def test_their_decoder(self):
        with tempfile.TemporaryDirectory() as folder:
            there, back = Path(folder, "m.wbxml"), Path(folder, "m.xml")
            m = example()
            m.cmds = [c for c in m.cmds if c.name != "Replace"]
            there.write_bytes(syncml.encode(m, WBXML))
            subprocess.run(["wbxml2xml", "-o", back, there], check=True, capture_output=True)
            xml = back.read_bytes()
            xml = xml[xml.index(b"<SyncML"):]   # libwbxml writes a document type
            self.assertEqual(plain(syncml.decode(xml, XML)), plain(m))


if __name__ == "__main__":
    unittest.main()
