#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every message of recorded sessions with semd, judged by others: dm-codecs.py [FOLDER]…

A FOLDER has what dm-iot.py --record keeps; without one some of its cases are run in both
codings. In WBXML a message must read the same for libwbxml2 (wbxml2xml), for Wireshark's
dissector and for the codec of the test server, and again after xml2wbxml has made WBXML of
libwbxml2's XML; in XML, xml2wbxml's WBXML of it must be the same message. Run inside the
Debian 13 root. Prints TAP."""

import itertools
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../server")]

import wbxml  # noqa: E402
from tap import tap  # noqa: E402

CASES = ["1", "2"]  # sessions and authentication, the tree and large objects
DDF = b"-//OMA//DTD-DM-DDF 1.2//EN"
TNDS = "a document of TNDS"
SEGMENT = 32000     # octets of a TCP segment in a capture


def plain(name, inner):
    """An element as (name, what is in it): elements only, or text. TNDS within WBXML is a
    document of its own for some, and elements for others; its type follows. libwbxml2 has no
    names for its elements within a message."""
    kids = [k for k in inner if isinstance(k, tuple)]
    if name in ("MgmtTree", "unknown"):
        return (TNDS, ())
    if kids:
        return (name, TNDS if kids == [(TNDS, ())] else tuple(kids))
    # libwbxml2 begins a line as a vCard wants it
    text = "".join(inner).replace("\r\n", "\n")
    if name == "Type":
        text = text.replace("dmtnds+wbxml", "dmtnds+xml")
    return (name, text)


def of_wbxml(data):
    """By the test server's codec."""
    def walk(node):
        inner = []
        for k in node.kids:
            if isinstance(k, wbxml.Node):
                inner.append(walk(k))
            elif isinstance(k, bytes):
                inner.append((TNDS, ()) if DDF in k[:64]
                             else k.decode(errors="surrogateescape"))
            else:
                inner.append(k)
        return plain(node.name, inner)
    return walk(wbxml.decode(data))


def bare(tree):
    """Has it octets that are no text of XML's? In OPAQUE they may be; only servers do that."""
    return re.search("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]",
                     tree[1]) is not None \
        if isinstance(tree[1], str) else any(bare(k) for k in tree[1])


def of_xml(data):
    """By expat."""
    def walk(e):
        inner = [e.text or ""] + list(itertools.chain.from_iterable(
            (walk(k), k.tail or "") for k in e))
        return plain(e.tag.rpartition("}")[2], inner)
    return walk(ET.fromstring(data))


def tags(tree):
    """The names in the order in which they begin, but what is in TNDS."""
    yield tree[0]
    if isinstance(tree[1], tuple):
        for kid in tree[1]:
            yield from tags(kid)


def convert(program, data, folder, *options):
    to = os.path.join(folder, "converted")
    done = subprocess.run([program, *options, "-o", to, "-"], input=data, capture_output=True,
                          check=False)
    if done.returncode:
        raise ValueError(f"{program}: {done.stdout.decode()} {done.stderr.decode()}")
    return pathlib.Path(to).read_bytes()


def capture(bodies, path):
    """Each as a POST on a connection of its own; Wireshark's format, raw IP."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for i, body in enumerate(bodies):
            http = ("POST /dm HTTP/1.1\r\nHost: dm.example.com\r\n"
                    "Content-Type: application/vnd.syncml.dm+wbxml\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n").encode() + body
            for at in range(0, len(http), SEGMENT):
                part = http[at:at + SEGMENT]
                tcp = struct.pack(">HHIIBBHHH", 1024 + i % 60000, 80, 1 + at, 1, 0x50, 0x18,
                                  65535, 0, 0) + part
                packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), i & 0xFFFF, 0, 64,
                                     6, 0, bytes([10, 0, i >> 16, 1]), bytes([10, 0, 0, 2])) + tcp
                f.write(struct.pack("<IIII", i, 0, len(packet), len(packet)) + packet)


def dissected(bodies, folder):
    """[names of the elements] of each, as tshark shows them."""
    path = os.path.join(folder, "messages.pcap")
    capture(bodies, path)
    out = subprocess.run(["tshark", "-r", path, "-V", "-O", "wbxml"], capture_output=True,
                         text=True, errors="replace", check=True,
                         env={**os.environ, "HOME": folder}).stdout
    shown = []
    for part in out.split("WAP Binary XML, Version")[1:]:
        if "Malformed" in part or "unrecognized" in part.lower():
            shown.append(["malformed"])
            continue
        # without names where the public identifier is in the string table
        shown.append([name if not name.startswith("Tag_0x")
                      else wbxml.PAGES[int(page)][int(name[6:], 16)]
                      for page, name in re.findall(r"^ *\d+ \| Tag +\| T +(\d+) +\| .*"
                                                   r"Tag 0x\w+ +\(\.[C.]\) \| +<(\w+)",
                                                   part, re.M)])
    return shown


def judge_wbxml(data, tree, folder):
    """Whether xml2wbxml makes the very same octets; ValueError says what differs."""
    as_xml = convert("wbxml2xml", data, folder, "-k", "-m", "0")
    if of_xml(as_xml) != tree:
        raise ValueError(f"wbxml2xml: {as_xml[:300]!r}")
    if b"<unknown" in as_xml:
        return False
    again = convert("xml2wbxml", as_xml, folder, "-k", "-n", "-v", "1.2")
    if of_wbxml(again) != tree:
        raise ValueError(f"xml2wbxml: {again[:200].hex()}")
    return again == data


def judge_xml(data, folder):
    if of_wbxml(convert("xml2wbxml", data, folder, "-k", "-n", "-v", "1.2")) != of_xml(data):
        raise ValueError("xml2wbxml makes another message of it")


def read(path):
    """Its tree; None for what some cases are for: a message that a server sends broken."""
    try:
        return (of_xml if path.suffix == ".xml" else of_wbxml)(path.read_bytes())
    except (ValueError, SyntaxError):
        return None


def check_xml(folder, messages):
    wrong = []
    for m in messages:
        try:
            judge_xml(m.read_bytes(), folder)
        except (ValueError, SyntaxError) as e:
            wrong.append(f"{m.name}: {e}")
    tap(not wrong, f"{len(messages)} messages in XML are the same in xml2wbxml's WBXML",
        "; ".join(wrong[:3]))


def check_wbxml(folder, trees):
    wrong, n, own = [], 0, {}
    for m, tree in trees.items():
        if bare(tree) and "-out-" in m.name:
            continue
        n += 1
        try:
            same = judge_wbxml(m.read_bytes(), tree, folder)
            if "-in-" in m.name:
                own[m.name] = same
        except (ValueError, SyntaxError) as e:
            wrong.append(f"{m.name}: {e}")
    tap(not wrong, f"{n} messages in WBXML are the same for wbxml2xml, and after xml2wbxml",
        "; ".join(wrong[:3]) or f"{sum(own.values())} of semd's {len(own)} octet by octet; "
        f"{len(trees) - n} more, of servers, have bare octets in OPAQUE, of which XML has nothing")
    shown = dissected([m.read_bytes() for m in trees], folder)
    wrong = [f"{m.name}: {s[:8]}" for (m, tree), s in zip(trees.items(), shown)
             if s != [t for t in tags(tree) if t != TNDS]]
    tap(len(shown) == len(trees) and not wrong,
        f"tshark shows the same elements in {len(trees)} messages",
        "; ".join(wrong[:3]) or f"{sum(map(len, shown))} elements")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folders = sys.argv[1:]
        if not folders:
            done = subprocess.run([sys.executable, os.path.join(HERE, "dm-iot.py"), "--record",
                                   folder, *CASES], capture_output=True, text=True, check=False)
            tap(done.returncode == 0, "sessions to record", " ".join(
                line for line in done.stdout.splitlines() if line.startswith("not ok"))[:500])
            folders = [os.path.join(folder, c) for c in ("xml", "wbxml")]
        for where in folders:
            every = sorted(p for p in pathlib.Path(where).rglob("*")
                           if p.suffix in (".xml", ".wbxml"))
            for suffix in (".xml", ".wbxml"):
                trees = {p: read(p) for p in every if p.suffix == suffix}
                if not trees:
                    continue
                ours = [p.name for p, t in trees.items() if t is None and "-in-" in p.name]
                good = {p: t for p, t in trees.items() if t is not None}
                tap(good and not ours, f"what semd sends in {suffix[1:]} can be read",
                    "; ".join(ours[:3]) or f"{len(good)} messages, and {len(trees) - len(good)} "
                    "that the server sent broken")
                if suffix == ".xml":
                    check_xml(folder, good)
                else:
                    check_wbxml(folder, good)
            tap(every, f"there are messages in {os.path.basename(where)}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
