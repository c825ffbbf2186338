# SPDX-License-Identifier: Apache-2.0
"""WBXML (WAP-192) as OMA DM uses it: a tree of elements to bytes and back, by the code
pages of SyncML 1.2, MetInf 1.2 and DM DDF 1.2.

An element is a Node: the number of its page, its name, and its children: Nodes, str for
text and bytes for an OPAQUE. Nothing is repaired: what is not well-formed is WbxmlError.
"""

from dataclasses import dataclass, field

SYNCML, METINF, DMDDF = range(3)

PAGES = (
    {0x05: "Add", 0x06: "Alert", 0x07: "Archive", 0x08: "Atomic", 0x09: "Chal", 0x0A: "Cmd",
     0x0B: "CmdID", 0x0C: "CmdRef", 0x0D: "Copy", 0x0E: "Cred", 0x0F: "Data", 0x10: "Delete",
     0x11: "Exec", 0x12: "Final", 0x13: "Get", 0x14: "Item", 0x15: "Lang", 0x16: "LocName",
     0x17: "LocURI", 0x18: "Map", 0x19: "MapItem", 0x1A: "Meta", 0x1B: "MsgID",
     0x1C: "MsgRef", 0x1D: "NoResp", 0x1E: "NoResults", 0x1F: "Put", 0x20: "Replace",
     0x21: "RespURI", 0x22: "Results", 0x23: "Search", 0x24: "Sequence", 0x25: "SessionID",
     0x26: "SftDel", 0x27: "Source", 0x28: "SourceRef", 0x29: "Status", 0x2A: "Sync",
     0x2B: "SyncBody", 0x2C: "SyncHdr", 0x2D: "SyncML", 0x2E: "Target", 0x2F: "TargetRef",
     0x31: "VerDTD", 0x32: "VerProto", 0x33: "NumberOfChanges", 0x34: "MoreData",
     0x35: "Field", 0x36: "Filter", 0x37: "Record", 0x38: "FilterType",
     0x39: "SourceParent", 0x3A: "TargetParent", 0x3B: "Move", 0x3C: "Correlator"},
    {0x05: "Anchor", 0x06: "EMI", 0x07: "Format", 0x08: "FreeID", 0x09: "FreeMem",
     0x0A: "Last", 0x0B: "Mark", 0x0C: "MaxMsgSize", 0x0D: "Mem", 0x0E: "MetInf",
     0x0F: "Next", 0x10: "NextNonce", 0x11: "SharedMem", 0x12: "Size", 0x13: "Type",
     0x14: "Version", 0x15: "MaxObjSize", 0x16: "FieldLevel"},
    {0x05: "AccessType", 0x06: "ACL", 0x07: "Add", 0x08: "b64", 0x09: "bin", 0x0A: "bool",
     0x0B: "chr", 0x0C: "CaseSense", 0x0D: "CIS", 0x0E: "Copy", 0x0F: "CS", 0x10: "date",
     0x11: "DDFName", 0x12: "DefaultValue", 0x13: "Delete", 0x14: "Description",
     0x15: "DFFormat", 0x16: "DFProperties", 0x17: "DFTitle", 0x18: "DFType",
     0x19: "Dynamic", 0x1A: "Exec", 0x1B: "float", 0x1C: "Format", 0x1D: "Get", 0x1E: "int",
     0x1F: "Man", 0x20: "MgmtTree", 0x21: "MIME", 0x22: "Mod", 0x23: "Name", 0x24: "Node",
     0x25: "node", 0x26: "NodeName", 0x27: "null", 0x28: "Occurrence", 0x29: "One",
     0x2A: "OneOrMore", 0x2B: "OneOrN", 0x2C: "Path", 0x2D: "Permanent", 0x2E: "Replace",
     0x2F: "RTProperties", 0x30: "Scope", 0x31: "Size", 0x32: "time", 0x33: "Title",
     0x34: "TStamp", 0x35: "Type", 0x36: "Value", 0x37: "VerDTD", 0x38: "VerNo",
     0x39: "xml", 0x3A: "ZeroOrMore", 0x3B: "ZeroOrN", 0x3C: "ZeroOrOne"},
)
TOKENS = tuple({name: token for token, name in page.items()} for page in PAGES)

SYNCML_12, SYNCML_11, UTF8 = 0x1201, 0x0FD3, 106
FPI = {"-//SYNCML//DTD SyncML 1.2//EN": SYNCML_12, "-//SYNCML//DTD SyncML 1.1//EN": SYNCML_11}
SWITCH_PAGE, END, ENTITY, STR_I, STR_T, OPAQUE = 0x00, 0x01, 0x02, 0x03, 0x83, 0xC3
DEPTH = 32


class WbxmlError(ValueError):
    """The bytes are no WBXML of SyncML; the text says what and where."""


@dataclass
class Node:
    """An element: page (the namespace), name, and what is in it."""
    page: int
    name: str
    kids: list = field(default_factory=list)

    def find(self, name):
        """The first child element of this name, or None."""
        return next((k for k in self.nodes() if k.name == name), None)

    def all(self, name):
        return [k for k in self.nodes() if k.name == name]

    def nodes(self):
        return [k for k in self.kids if isinstance(k, Node)]

    def content(self):
        """What is in it that is no element: bytes if there is an OPAQUE, else str."""
        parts = [k for k in self.kids if not isinstance(k, Node)]
        if any(isinstance(p, bytes) for p in parts):
            return b"".join(p if isinstance(p, bytes) else p.encode() for p in parts)
        return "".join(parts)


def mb(value: int) -> bytes:
    """A multi-byte integer: seven bits in each octet, the highest first."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | value & 0x7F)
    return bytes(reversed(out))


class Encoder:
    """version 2 is WBXML 1.2, 3 is 1.3. With fpi the public identifier is a string of the
    table; with table every text that comes twice is put there and referred to."""

    def __init__(self, version=2, public=SYNCML_12, fpi=False, table=False):
        self.version, self.public, self.fpi, self.use_table = version, public, fpi, table
        self.strings, self.places = b"", {}

    def place(self, text):
        if text not in self.places:
            self.places[text] = len(self.strings)
            self.strings += text.encode() + b"\0"
        return self.places[text]

    def encode(self, root: Node) -> bytes:
        head = bytes([self.version])
        if self.fpi:
            name = next(k for k, v in FPI.items() if v == self.public)
            head += b"\0" + mb(self.place(name))
        else:
            head += mb(self.public)
        if self.use_table:
            seen = {}
            self.count(root, seen)
            for text in (t for t, n in seen.items() if n > 1 and len(t) > 2):
                self.place(text)
        self.page, self.out = SYNCML, bytearray()
        self.element(root)
        return head + mb(UTF8) + mb(len(self.strings)) + self.strings + bytes(self.out)

    def count(self, node, seen):
        for kid in node.kids:
            if isinstance(kid, Node):
                self.count(kid, seen)
            elif isinstance(kid, str) and "\0" not in kid:
                seen[kid] = seen.get(kid, 0) + 1

    def element(self, node):
        if node.page != self.page:
            self.out += bytes([SWITCH_PAGE, node.page])
            self.page = node.page
        try:
            token = TOKENS[node.page][node.name]
        except KeyError:
            raise WbxmlError(f"page {node.page} has no {node.name}") from None
        kids = [k for k in node.kids if k != ""]
        self.out.append(token | (0x40 if kids else 0))
        for kid in kids:
            if isinstance(kid, Node):
                self.element(kid)
            elif isinstance(kid, str) and "\0" not in kid:
                if kid in self.places:
                    self.out += bytes([STR_T]) + mb(self.places[kid])
                else:
                    self.out += bytes([STR_I]) + kid.encode() + b"\0"
            else:
                data = kid.encode() if isinstance(kid, str) else kid
                self.out += bytes([OPAQUE]) + mb(len(data)) + data
        if kids:
            self.out.append(END)


class Decoder:
    """Bytes to a Node, strictly: every octet has to be accounted for."""

    def __init__(self, data: bytes):
        self.data, self.at, self.page = bytes(data), 0, SYNCML

    def fail(self, what):
        raise WbxmlError(f"octet {self.at}: {what}")

    def u8(self):
        if self.at >= len(self.data):
            self.fail("the end comes too early")
        self.at += 1
        return self.data[self.at - 1]

    def mb(self):
        value = 0
        for _ in range(5):
            octet = self.u8()
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                if value >> 32:
                    self.fail("an integer of more than 32 bits")
                return value
        self.fail("an integer without end")

    def take(self, n):
        if n > len(self.data) - self.at:
            self.fail(f"{n} octets announced, {len(self.data) - self.at} there")
        self.at += n
        return self.data[self.at - n:self.at]

    def text(self, data, what):
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.fail(f"{what} is not UTF-8")

    def string(self, start):
        end = self.strings.find(b"\0", start)
        if start >= len(self.strings) or end < 0:
            self.fail(f"no string at {start} of the table of {len(self.strings)}")
        return self.text(self.strings[start:end], "a string of the table")

    def decode(self) -> Node:
        self.version = self.u8()
        if self.version not in (1, 2, 3):
            self.fail(f"version {self.version:#x}")
        self.public = self.mb()
        index = self.mb() if self.public == 0 else None
        charset = self.mb()
        if charset != UTF8:
            self.fail(f"character set {charset}")
        self.strings = self.take(self.mb())
        if index is not None:
            self.public = FPI.get(self.string(index), 0)
        if self.public not in FPI.values():
            self.fail(f"public identifier {self.public:#x}")
        root = self.element(self.tag(), 0)
        if self.at != len(self.data):
            self.fail("more after the end")
        return root

    def tag(self):
        """The next octet that is no SWITCH_PAGE."""
        while (octet := self.u8()) == SWITCH_PAGE:
            self.page = self.u8()
            if self.page >= len(PAGES):
                self.fail(f"code page {self.page}")
        return octet

    def element(self, token, depth):
        if depth > DEPTH:
            self.fail(f"deeper than {DEPTH}")
        if token & 0x80:
            self.fail(f"attributes or a global token {token:#04x} where an element has to be")
        name = PAGES[self.page].get(token & 0x3F)
        if name is None:
            self.fail(f"page {self.page} has no tag {token & 0x3F:#04x}")
        node = Node(self.page, name)
        if not token & 0x40:
            return node
        while (octet := self.tag()) != END:
            if octet == STR_I:
                end = self.data.find(b"\0", self.at)
                if end < 0:
                    self.fail("a string without end")
                node.kids.append(self.text(self.data[self.at:end], "a string"))
                self.at = end + 1
            elif octet == STR_T:
                node.kids.append(self.string(self.mb()))
            elif octet == OPAQUE:
                node.kids.append(self.take(self.mb()))
            elif octet == ENTITY:
                node.kids.append(chr(self.mb()))
            else:
                node.kids.append(self.element(octet, depth + 1))
        return node


def encode(root: Node, **how) -> bytes:
    return Encoder(**how).encode(root)


def decode(data: bytes) -> Node:
    return Decoder(data).decode()
