# SPDX-License-Identifier: Apache-2.0
"""SyncML messages as OMA DM 1.2.1 uses them: Message, Cmd, Item, Meta; to a tree of
elements (wbxml.Node) and from there to XML or WBXML, and back.

The data of an item are str or bytes, whatever the way they went: in XML bytes are base64
(Format b64), in WBXML an OPAQUE (Format bin). An inline MgmtTree is kept as its Node.
"""

import base64
import binascii
import xml.parsers.expat
from dataclasses import dataclass, field, replace
from xml.sax.saxutils import escape

import wbxml
from wbxml import DMDDF, METINF, SYNCML, Node

XML, WBXML = "xml", "wbxml"
MEDIA = {XML: "application/vnd.syncml.dm+xml", WBXML: "application/vnd.syncml.dm+wbxml"}
NAMESPACES = ("SYNCML:SYNCML1.2", "syncml:metinf", "syncml:dmddf1.2")
PAGE_OF = {**{ns.lower(): page for page, ns in enumerate(NAMESPACES)},
           "syncml:syncml1.1": SYNCML, "syncml:dmddf1.1": DMDDF}
COMMANDS = ("Add", "Alert", "Atomic", "Copy", "Delete", "Exec", "Get", "Map", "Put", "Replace",
            "Results", "Search", "Sequence", "Status", "Sync", "Move")


class SyncmlError(ValueError):
    """The message is not what it should be; the text says what."""


@dataclass
class Meta:
    format: str | None = None
    type: str | None = None
    mark: str | None = None
    size: int | None = None
    next_nonce: bytes | None = None
    max_msg: int | None = None
    max_obj: int | None = None


@dataclass
class Item:
    """data: str, bytes, Node (an inline MgmtTree) or None where there is no Data; other inline
    markup is a str. In raw is what stood there before base64 was undone."""
    target: str | None = None
    source: str | None = None
    meta: Meta | None = None
    data: object = None
    more: bool = False
    raw: object = None


@dataclass
class Cred:
    """data as it stands in the message, which is text for every type."""
    type: str
    data: str
    format: str | None = "b64"


@dataclass
class Cmd:
    """Any command; a field that its kind does not have stays as it is here."""
    name: str
    id: str | None = None
    items: list = field(default_factory=list)
    meta: Meta | None = None
    data: str | None = None             # the code of a Status, the number of an Alert
    correlator: str | None = None
    no_resp: bool = False
    msg_ref: str | None = None
    cmd_ref: str | None = None
    cmd: str | None = None
    target_ref: list = field(default_factory=list)
    source_ref: list = field(default_factory=list)
    chal: Meta | None = None
    children: list = field(default_factory=list)
    extra: list = field(default_factory=list)   # Nodes that are none of the above

    @property
    def code(self):
        return int(self.data) if self.data and self.data.isascii() and self.data.isdigit() else 0

    @property
    def item(self):
        return self.items[0] if self.items else Item()


@dataclass
class Message:
    session: str = "1"
    msg: str = "1"
    target: str = ""
    source: str = ""
    source_name: str | None = None
    resp_uri: str | None = None
    cred: Cred | None = None
    max_msg: int | None = None
    max_obj: int | None = None
    cmds: list = field(default_factory=list)
    final: bool = True
    ver_dtd: str = "1.2"
    ver_proto: str = "DM/1.2"

    def named(self, name):
        return [c for c in self.cmds if c.name == name]


# -- messages and trees

def leaf(name, value, page=SYNCML):
    return Node(page, name, [value if isinstance(value, bytes) else str(value)])


def location(name, uri, loc_name=None):
    node = Node(SYNCML, name, [leaf("LocURI", uri)])
    if loc_name is not None:
        node.kids.append(leaf("LocName", loc_name))
    return node


def meta_node(meta, coding):
    node = Node(SYNCML, "Meta")

    def put(name, value):
        if value is not None:
            node.kids.append(leaf(name, value, METINF))
    put("Format", meta.format)
    put("Type", meta.type)
    put("Mark", meta.mark)
    put("Size", meta.size)
    if meta.next_nonce is not None:
        put("NextNonce", base64.b64encode(meta.next_nonce).decode())
    put("MaxMsgSize", meta.max_msg)
    put("MaxObjSize", meta.max_obj)
    return node


def item_node(item, coding, plain_b64=False):
    """plain_b64: base64 in WBXML, too, which is allowed."""
    node = Node(SYNCML, "Item")
    meta, data = item.meta, item.data
    if isinstance(data, bytes):
        if coding == XML or plain_b64:
            data = base64.b64encode(data).decode()
            meta = replace(meta or Meta(), format="b64")
        else:
            meta = replace(meta or Meta(), format=meta.format if meta and meta.format else "bin")
    if item.target is not None:
        node.kids.append(location("Target", item.target))
    if item.source is not None:
        node.kids.append(location("Source", item.source))
    if meta is not None:
        node.kids.append(meta_node(meta, coding))
    if data is not None:
        node.kids.append(Node(SYNCML, "Data", [data] if data != "" else []))
    if item.more:
        node.kids.append(Node(SYNCML, "MoreData"))
    return node


def cred_node(cred):
    return Node(SYNCML, "Cred", [meta_node(Meta(cred.format, cred.type), XML),
                                 leaf("Data", cred.data)])


def cmd_node(cmd, coding, **how):
    node = Node(SYNCML, cmd.name)

    def put(name, value):
        if value is not None:
            node.kids.append(leaf(name, value))
    put("CmdID", cmd.id)
    put("MsgRef", cmd.msg_ref)
    put("CmdRef", cmd.cmd_ref)
    put("Cmd", cmd.cmd)
    for ref in cmd.target_ref:
        put("TargetRef", ref)
    for ref in cmd.source_ref:
        put("SourceRef", ref)
    if cmd.no_resp:
        node.kids.append(Node(SYNCML, "NoResp"))
    if cmd.chal is not None:
        node.kids.append(Node(SYNCML, "Chal", [meta_node(cmd.chal, coding)]))
    put("Data", cmd.data)
    if cmd.meta is not None:
        node.kids.append(meta_node(cmd.meta, coding))
    put("Correlator", cmd.correlator)
    node.kids += [item_node(i, coding, **how) for i in cmd.items]
    node.kids += [cmd_node(c, coding, **how) for c in cmd.children]
    node.kids += cmd.extra
    return node


def to_tree(m: Message, coding=XML, **how) -> Node:
    head = Node(SYNCML, "SyncHdr", [
        leaf("VerDTD", m.ver_dtd), leaf("VerProto", m.ver_proto), leaf("SessionID", m.session),
        leaf("MsgID", m.msg), location("Target", m.target),
        location("Source", m.source, m.source_name)])
    if m.resp_uri is not None:
        head.kids.append(leaf("RespURI", m.resp_uri))
    if m.cred is not None:
        head.kids.append(cred_node(m.cred))
    if m.max_msg is not None or m.max_obj is not None:
        head.kids.append(meta_node(Meta(max_msg=m.max_msg, max_obj=m.max_obj), coding))
    body = Node(SYNCML, "SyncBody", [cmd_node(c, coding, **how) for c in m.cmds])
    if m.final:
        body.kids.append(Node(SYNCML, "Final"))
    return Node(SYNCML, "SyncML", [head, body])


def text(node, name, default=None):
    """The text in the child of this name."""
    child = node.find(name) if node is not None else None
    if child is None:
        return default
    content = child.content()
    if isinstance(content, bytes):
        try:
            content = content.decode()
        except UnicodeDecodeError:
            raise SyncmlError(f"{name} is not UTF-8") from None
    return content.strip()


def number(node, name):
    value = text(node, name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise SyncmlError(f"{name} {value!r} is no number")
    return int(value)


def from_base64(value, what):
    try:
        value = value if isinstance(value, str) else value.decode("ascii")
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as e:
        raise SyncmlError(f"{what}: base64: {e}") from None


def to_meta(node):
    if node is None:
        return None
    inner = node.find("MetInf") or node
    nonce = inner.find("NextNonce")
    if nonce is not None:
        nonce = nonce.content()
        nonce = nonce if isinstance(nonce, bytes) else from_base64(nonce, "NextNonce")
    return Meta(text(inner, "Format"), text(inner, "Type"), text(inner, "Mark"),
                number(inner, "Size"), nonce, number(inner, "MaxMsgSize"),
                number(inner, "MaxObjSize"))


def to_item(node, above):
    meta, data, raw = to_meta(node.find("Meta")), node.find("Data"), None
    if data is not None:
        inline = data.find("MgmtTree")
        if inline is not None:
            raw = inline
        elif data.nodes():
            raw = "".join(xml_node(k, k.page) for k in data.nodes())
        else:
            raw = data.content()
        data = raw
        how = meta.format if meta and meta.format else above.format if above else None
        kind = meta.type if meta and meta.type else ""
        if how == "b64" and not isinstance(data, Node):
            data = from_base64(data, "Data")
        elif isinstance(data, bytes) and how != "bin" and not kind.endswith("+wbxml"):
            # an OPAQUE is a way to write a text, as others are
            try:
                data = data.decode()
            except UnicodeDecodeError:
                raise SyncmlError("Data are neither bin nor UTF-8") from None
    return Item(text(node.find("Target"), "LocURI"), text(node.find("Source"), "LocURI"),
                meta, data, node.find("MoreData") is not None, raw)


def to_cmd(node):
    chal = node.find("Chal")
    above = to_meta(node.find("Meta"))
    cmd = Cmd(node.name, text(node, "CmdID"), meta=above, data=text(node, "Data"),
              correlator=text(node, "Correlator"), no_resp=node.find("NoResp") is not None,
              msg_ref=text(node, "MsgRef"), cmd_ref=text(node, "CmdRef"), cmd=text(node, "Cmd"),
              chal=to_meta(chal.find("Meta")) if chal is not None else None,
              target_ref=[n.content() for n in node.all("TargetRef")],
              source_ref=[n.content() for n in node.all("SourceRef")],
              items=[to_item(n, above) for n in node.all("Item")])
    if node.name in ("Atomic", "Sequence", "Sync"):
        cmd.children = [to_cmd(n) for n in node.nodes() if n.name in COMMANDS]
    if cmd.id is None:
        raise SyncmlError(f"{node.name} without CmdID")
    return cmd


def from_tree(root: Node) -> Message:
    if root.name != "SyncML":
        raise SyncmlError(f"{root.name} where SyncML has to be")
    head, body = root.find("SyncHdr"), root.find("SyncBody")
    if head is None or body is None:
        raise SyncmlError("no " + ("SyncHdr" if head is None else "SyncBody"))
    cred = head.find("Cred")
    if cred is not None:
        kind = to_meta(cred.find("Meta")) or Meta()
        cred = Cred(kind.type or "syncml:auth-basic", text(cred, "Data", ""), kind.format)
    sizes = to_meta(head.find("Meta")) or Meta()
    source = head.find("Source")
    m = Message(text(head, "SessionID", ""), text(head, "MsgID", ""),
                text(head.find("Target"), "LocURI", ""), text(source, "LocURI", ""),
                text(source, "LocName"), text(head, "RespURI"), cred, sizes.max_msg,
                sizes.max_obj, [], body.find("Final") is not None,
                text(head, "VerDTD", ""), text(head, "VerProto", ""))
    for node in body.nodes():
        if node.name != "Final":
            m.cmds.append(to_cmd(node))
    return m


# -- XML

def xml_text(value):
    if isinstance(value, bytes):
        value = value.decode()
    return escape(value, {"\r": "&#13;"})


def xml_node(node, above):
    ns = f' xmlns="{NAMESPACES[node.page]}"' if node.page != above else ""
    inner = "".join(xml_node(k, node.page) if isinstance(k, Node) else xml_text(k)
                    for k in node.kids)
    return f"<{node.name}{ns}>{inner}</{node.name}>" if inner else f"<{node.name}{ns}/>"


def to_xml(root: Node) -> bytes:
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + xml_node(root, None)).encode()


def from_xml(data: bytes) -> Node:
    """An element whose namespace is not one of ours belongs to the page of what it is in:
    many write no xmlns. Document types are refused."""
    parser = xml.parsers.expat.ParserCreate(namespace_separator="\n")
    top = Node(SYNCML, "")
    stack = [top]

    def start(name, attributes):
        uri, _, local = name.rpartition("\n")
        page = PAGE_OF.get(uri.lower(), stack[-1].page)
        node = Node(page, local)
        stack[-1].kids.append(node)
        stack.append(node)

    def end(name):
        node = stack.pop()
        if node.nodes():    # blanks between elements mean nothing
            node.kids = [k for k in node.kids if isinstance(k, Node) or k.strip()]

    def characters(value):
        kids = stack[-1].kids
        if kids and isinstance(kids[-1], str):
            kids[-1] += value
        else:
            kids.append(value)

    def doctype(*_):
        raise SyncmlError("a document type")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = characters, doctype
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except xml.parsers.expat.ExpatError as e:
        raise SyncmlError(f"XML: {e}") from None
    return top.kids[0]


# -- both

def encode(m: Message, coding=XML, plain_b64=False, **how) -> bytes:
    """how: what wbxml.Encoder takes."""
    root = to_tree(m, coding, plain_b64=plain_b64)
    return to_xml(root) if coding == XML else wbxml.encode(root, **how)


def decode(data: bytes, coding) -> Message:
    return from_tree(from_xml(data) if coding == XML else wbxml.decode(data))


def coding_of(media_type):
    """Of a Content-Type; SyncmlError for one that is not DM's."""
    kind = media_type.partition(";")[0].strip().lower()
    for coding, name in MEDIA.items():
        if kind == name:
            return coding
    raise SyncmlError(f"media type {media_type!r}")
