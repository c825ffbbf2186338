# SPDX-License-Identifier: Apache-2.0
"""LwM2M payloads: TLV and JSON of LwM2M 1.0 (6.4.3, 6.4.4), SenML-CBOR and SenML-JSON
(RFC 8428), LwM2M CBOR of 1.2 (7.4.5), plain text, opaque and single-value CBOR; and
what type each resource has.

Values are Python's: int, float, bool, str, bytes, and "12:3" strings for
object links. A resource with instances is a dict {instance: value}.
"""

import base64
import json
import struct

import cbor2

TEXT, LINK, OPAQUE, CBOR, SENML_JSON, SENML_CBOR = 0, 40, 42, 60, 110, 112
TLV, LWM2M_JSON, LWM2M_CBOR = 11542, 11543, 11544
NAMES = {TEXT: "text", LINK: "link", OPAQUE: "opaque", CBOR: "cbor",
         SENML_JSON: "senml-json", SENML_CBOR: "senml-cbor", TLV: "tlv",
         LWM2M_JSON: "json", LWM2M_CBOR: "lwm2m-cbor"}

# Type of each resource that this server talks about: s(tring), i(nteger),
# b(oolean), o(paque), l(ink), t(ime), x (executable, no value).
TYPES = {
    5: {0: "o", 1: "s", 2: "x", 3: "i", 5: "i", 6: "s", 9: "i", 10: "x"},
    9: {0: "s", 1: "s", 2: "o", 3: "s", 4: "x", 6: "x", 7: "i", 8: "b", 9: "i", 10: "x",
        11: "x", 12: "b", 13: "l", 16: "s", 17: "l", 18: "i"},
    14: {0: "s", 2: "s", 3: "x", 4: "x", 5: "b"},
    26243: {0: "l", 1: "o", 2: "i", 3: "i", 4: "o", 5: "l", 6: "l", 7: "o", 8: "o", 9: "b",
            10: "x", 11: "x", 12: "x", 13: "x", 14: "x", 15: "x", 16: "x", 17: "o", 18: "i",
            19: "o", 20: "s", 21: "o", 22: "i", 23: "s", 24: "s", 25: "i", 26: "i", 27: "i",
            28: "s", 29: "x", 30: "x", 31: "x", 32: "x"},
    1: {0: "i", 1: "i", 2: "i", 3: "i", 4: "x", 5: "i", 6: "b", 7: "s", 8: "x", 9: "x",
        17: "i", 18: "i", 19: "i", 20: "i", 22: "s", 23: "b", 26: "i"},
    3: {0: "s", 1: "s", 2: "s", 3: "s", 4: "x", 6: "i", 7: "i",
        8: "i", 9: "i", 10: "i", 11: "i", 13: "t", 14: "s",
        15: "s", 16: "s", 17: "s", 18: "s", 19: "s"},
    26241: {0: "s", 1: "s", 2: "i", 3: "i", 4: "i", 5: "o", 6: "i", 7: "o",
            8: "x", 9: "x", 10: "o", 11: "s"},
    26242: {0: "l", 1: "o", 2: "o", 3: "x", 4: "i", 5: "i", 6: "i", 7: "o",
            8: "s", 9: "s", 10: "x", 11: "x", 12: "b", 13: "i", 14: "i",
            15: "s", 16: "i"},
}


class CodecError(ValueError):
    """The payload is not what its content format says."""


def type_of(path):
    """Type letter of a resource path; bytes where nothing is known."""
    return TYPES.get(path[0], {}).get(path[2], "o")


def encode_value(kind: str, value) -> bytes:
    """One value in its TLV form."""
    if kind in "it":
        for size, code in ((1, ">b"), (2, ">h"), (4, ">i"), (8, ">q")):
            if -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1:
                return struct.pack(code, value)
        raise CodecError(f"{value} does not fit 64 bits")
    if kind == "b":
        return bytes([bool(value)])
    if kind == "l":
        return struct.pack(">HH", *map(int, value.split(":")))
    return value.encode() if kind == "s" else bytes(value)


def decode_value(kind: str, data: bytes):
    """The value behind a TLV."""
    if kind in "it":
        if len(data) not in (1, 2, 4, 8):
            raise CodecError(f"an integer of {len(data)} bytes")
        return int.from_bytes(data, "big", signed=True)
    if kind == "b":
        if data not in (b"\0", b"\1"):
            raise CodecError(f"a boolean of {data.hex()}")
        return data == b"\1"
    if kind == "l":
        if len(data) != 4:
            raise CodecError(f"an object link of {len(data)} bytes")
        return "%d:%d" % struct.unpack(">HH", data)
    return data.decode() if kind == "s" else data


INSTANCE, RESOURCE_INSTANCE, MULTIPLE, RESOURCE = range(4)


def tlv_entry(kind: int, ident: int, value: bytes) -> bytes:
    """One LwM2M TLV: kind is INSTANCE, RESOURCE_INSTANCE, MULTIPLE or RESOURCE."""
    n = len(value)
    first = kind << 6 | (0x20 if ident > 255 else 0)
    ident_field = ident.to_bytes(2 if ident > 255 else 1, "big")
    if n < 8:
        return bytes([first | n]) + ident_field + value
    size = (n.bit_length() + 7) // 8
    return bytes([first | size << 3]) + ident_field + n.to_bytes(size, "big") + value


def tlv_split(data: bytes):
    """The TLVs in a row: list of (kind, identifier, value)."""
    out, at = [], 0
    while at < len(data):
        start, first = at, data[at]
        id_size = 2 if first & 0x20 else 1
        len_size = first >> 3 & 3
        at += 1 + id_size + len_size
        if at > len(data):
            raise CodecError(f"TLV at offset {start}: cut in its head")
        ident = int.from_bytes(data[start + 1:start + 1 + id_size], "big")
        n = int.from_bytes(data[at - len_size:at], "big") if len_size else first & 7
        if at + n > len(data):
            raise CodecError(f"TLV at offset {start}: {n} bytes expected, {len(data) - at} there")
        out.append((first >> 6, ident, data[at:at + n]))
        at += n
    return out


def encode_resources_tlv(obj: int, resources: dict) -> bytes:
    """{resource: value or {instance: value}} as TLVs."""
    out = b""
    for rid, value in resources.items():
        kind = type_of((obj, 0, rid))
        if isinstance(value, dict):
            inner = b"".join(tlv_entry(RESOURCE_INSTANCE, i, encode_value(kind, v))
                             for i, v in value.items())
            out += tlv_entry(MULTIPLE, rid, inner)
        else:
            out += tlv_entry(RESOURCE, rid, encode_value(kind, value))
    return out


def decode_tlv(path, data: bytes) -> dict:
    """A TLV payload read from path, as {(object, instance, resource): value}."""
    out = {}

    def resources(inst, entries):
        for kind, ident, value in entries:
            where = (path[0], inst, ident)
            if kind == RESOURCE:
                out[where] = decode_value(type_of(where), value)
            elif kind == MULTIPLE:
                parts = {}
                for sub, i, v in tlv_split(value):
                    if sub != RESOURCE_INSTANCE:
                        raise CodecError(f"/{path[0]}/{inst}/{ident}: kind {sub} inside")
                    parts[i] = decode_value(type_of(where), v)
                out[where] = parts
            else:
                raise CodecError(f"/{path[0]}/{inst}: kind {kind} among resources")

    entries = tlv_split(data)
    for entry in entries:
        if entry[0] == INSTANCE:
            if len(path) > 1 and entry[1] != path[1]:
                raise CodecError(f"instance {entry[1]} in the answer for {path[1]}")
            resources(entry[1], tlv_split(entry[2]))
        elif len(path) > 1:
            resources(path[1], [entry])
        else:
            raise CodecError("resources without an instance in an answer for an object")
    return out


# SenML labels, RFC 8428 table 4; vlo is LwM2M's own string label
BN, BT, N, V, VS, VB, VD, T = -2, -3, 0, 2, 3, 4, 8, 6


def _path_text(path) -> str:
    return "/" + "/".join(map(str, path))


def encode_senml(entries: dict) -> bytes:
    """{(object, instance, resource[, instance]): value} as a SenML-CBOR pack."""
    pack = []
    for path, value in entries.items():
        kind = type_of(path)
        items = value.items() if isinstance(value, dict) else [(None, value)]
        for i, v in items:
            full = path if i is None else (*path, i)
            label = {"s": VS, "o": VD, "b": VB, "l": "vlo"}.get(kind, V)
            pack.append({N: _path_text(full), label: v})
    return cbor2.dumps(pack)


def decode_senml(data: bytes) -> dict:
    """A SenML-CBOR pack as {(object, instance, resource): value}."""
    try:
        pack = cbor2.loads(data)
    except (cbor2.CBORDecodeError, EOFError) as e:
        raise CodecError(f"SenML-CBOR: {e}") from e
    if not isinstance(pack, list):
        raise CodecError("SenML-CBOR: a pack is an array")
    out, base = {}, ""
    for record in pack:
        if not isinstance(record, dict):
            raise CodecError("SenML-CBOR: a record is a map")
        base = record.get(BN, base)
        name = base + record.get(N, "")
        try:
            path = tuple(int(p) for p in name.strip("/").split("/"))
        except ValueError:
            raise CodecError(f"SenML-CBOR: {name!r} is no path") from None
        values = [record[k] for k in (V, VS, VB, VD, "vlo") if k in record]
        if len(values) > 1:
            raise CodecError(f"SenML-CBOR: {name} has {len(values)} values")
        if not values:
            continue
        if len(path) == 4:
            out.setdefault(path[:3], {})[path[3]] = values[0]
        elif len(path) == 3:
            out[path] = values[0]
        else:
            raise CodecError(f"SenML-CBOR: {name} names no resource")
    return out


def _flat(entries: dict):
    """(path of three or four steps, value), one for each resource instance."""
    for path, value in entries.items():
        if isinstance(value, dict):
            yield from (((*path, i), v) for i, v in value.items())
        else:
            yield path, value


def _put(out: dict, path: tuple, value):
    if len(path) == 4:
        out.setdefault(path[:3], {})[path[3]] = value
    elif len(path) == 3:
        out[path] = value
    else:
        raise CodecError(f"{_path_text(path)} names no resource")


def _steps(name: str) -> tuple:
    try:
        return tuple(int(p) for p in name.strip("/").split("/"))
    except ValueError:
        raise CodecError(f"{name!r} is no path") from None


def _unbase64(text: str, url: bool) -> bytes:
    try:
        if not url:
            return base64.b64decode(text, validate=True)
        if "=" in text:
            raise ValueError("padding")
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as e:
        raise CodecError(f"base64: {e}") from e


def _json(data: bytes, kind: type):
    try:
        root = json.loads(data.decode())
    except ValueError as e:
        raise CodecError(f"JSON: {e}") from e
    if not isinstance(root, kind):
        raise CodecError(f"JSON: {kind.__name__} expected")
    return root


def encode_senml_json(entries: dict) -> bytes:
    """As encode_senml(), in JSON; a value of None is a null."""
    pack = []
    for path, value in _flat(entries):
        label = {"s": "vs", "o": "vd", "b": "vb", "l": "vlo"}.get(type_of(path), "v")
        if value is not None and label == "vd":
            value = base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        pack.append({"n": _path_text(path), label if value is not None else "v": value})
    return json.dumps(pack).encode()


def decode_senml_json(data: bytes, times=None) -> dict:
    """As decode_senml(). A list given as times gets (path, time, value) of each record."""
    out, base, base_time = {}, "", 0
    for record in _json(data, list):
        if not isinstance(record, dict):
            raise CodecError("SenML-JSON: a record is an object")
        base, base_time = record.get("bn", base), record.get("bt", base_time)
        path = _steps(base + record.get("n", ""))
        values = [(k, record[k]) for k in ("v", "vs", "vb", "vd", "vlo") if k in record]
        if len(values) != 1:
            raise CodecError(f"SenML-JSON: {path} has {len(values)} values")
        label, value = values[0]
        if label == "vd":
            value = _unbase64(value, True)
        if times is not None:
            times.append((path, base_time + record.get("t", 0), value))
        _put(out, path, value)
    return out


def encode_names(paths, content_format: int) -> bytes:
    """The paths of a Read- or Observe-Composite."""
    paths = [_steps(p) if isinstance(p, str) else tuple(p) for p in paths]
    if content_format == SENML_CBOR:
        return cbor2.dumps([{N: _path_text(p)} for p in paths])
    if content_format == SENML_JSON:
        return json.dumps([{"n": _path_text(p)} for p in paths]).encode()
    return cbor2.dumps({p: None for p in paths})


def encode_json(base, entries: dict) -> bytes:
    """The JSON of LwM2M 1.0, names relative to the path base."""
    items = []
    for path, value in _flat(entries):
        kind = type_of(path)
        label = {"s": "sv", "o": "sv", "b": "bv", "l": "ov"}.get(kind, "v")
        if kind == "o":
            value = base64.b64encode(value).decode()
        items.append({"n": "/".join(map(str, path[len(base):])), label: value})
    return json.dumps({"bn": _path_text(base) + "/", "e": items}).encode()


def decode_json(data: bytes) -> dict:
    """The JSON of LwM2M 1.0 as {(object, instance, resource): value}."""
    root, out = _json(data, dict), {}
    base = root.get("bn", "")
    for item in root["e"]:
        name = item.get("n", "")
        path = _steps(base + ("/" if name and not base.endswith("/") else "") + name)
        values = [item[k] for k in ("v", "sv", "bv", "ov") if k in item]
        if len(values) != 1:
            raise CodecError(f"JSON: {path} has {len(values)} values")
        value = values[0]
        if type_of(path) == "o":
            value = _unbase64(value, False)
        _put(out, path, value)
    return out


def encode_lwm2m_cbor(entries: dict) -> bytes:
    """{(object, instance, resource): value} as maps in maps; None is a null."""
    root = {}
    for path, value in _flat(entries):
        at = root
        for step in path[:-1]:
            at = at.setdefault(step, {})
        at[path[-1]] = cbor2.CBORTag(1, value) if type_of(path) == "t" else value
    return cbor2.dumps(root)


def decode_lwm2m_cbor(data: bytes) -> dict:
    """Maps in maps, whose keys are steps or arrays of steps."""
    out = {}

    def walk(path, item):
        if isinstance(item, dict):
            for key, inner in item.items():
                steps = tuple(key) if isinstance(key, (list, tuple)) else (key,)
                if not steps or not all(isinstance(s, int) for s in steps):
                    raise CodecError(f"LwM2M CBOR: key {key!r}")
                walk(path + steps, inner)
            if not item and len(path) == 3:
                out[path] = {}
        else:
            # cbor2 makes times of tag 1
            _put(out, path, int(item.timestamp()) if hasattr(item, "timestamp") else item)

    try:
        root = cbor2.loads(data)
    except (cbor2.CBORDecodeError, EOFError) as e:
        raise CodecError(f"LwM2M CBOR: {e}") from e
    if not isinstance(root, dict):
        raise CodecError("LwM2M CBOR: not a map")
    walk((), root)
    return out


def encode(path, content_format: int, entries: dict) -> bytes:
    """Values {(object, instance, resource): value} for a request to path."""
    if content_format == TLV:
        return encode_resources_tlv(path[0] if path else next(iter(entries))[0],
                                    {p[2]: v for p, v in entries.items()})
    if content_format == SENML_CBOR:
        return encode_senml(entries)
    if content_format == SENML_JSON:
        return encode_senml_json(entries)
    if content_format == LWM2M_JSON:
        return encode_json(path[:2], entries)
    if content_format == LWM2M_CBOR:
        return encode_lwm2m_cbor(entries)
    (where, value), = entries.items()
    if content_format == CBOR:
        return cbor2.dumps(cbor2.CBORTag(1, value) if type_of(where) == "t" else value)
    return bytes(value) if content_format == OPAQUE else encode_text(type_of(where), value)


def decode(path, content_format: int, data: bytes) -> dict:
    """A Read's or notification's payload as {(o, i, r): value}."""
    if content_format == TLV:
        return decode_tlv(path, data)
    if content_format == SENML_CBOR:
        return decode_senml(data)
    if content_format == SENML_JSON:
        return decode_senml_json(data)
    if content_format == LWM2M_JSON:
        return decode_json(data)
    if content_format == LWM2M_CBOR:
        return decode_lwm2m_cbor(data)
    where = tuple(path[:3])
    if len(where) < 3:
        raise CodecError(f"format {content_format} for {_path_text(path)}, which is no resource")
    kind = type_of(where)
    if content_format == OPAQUE:
        return {where: data}
    if content_format == CBOR:
        return {where: cbor2.loads(data)}
    if content_format == TEXT:
        text = data.decode()
        if kind in "it":
            return {where: int(text)}
        if kind == "b":
            return {where: {"0": False, "1": True}[text]}
        if kind == "o":
            return {where: _unbase64(text, False)}
        return {where: text}
    raise CodecError(f"content format {content_format} is not known here")


def encode_text(kind: str, value) -> bytes:
    """One value as text/plain."""
    if kind == "b":
        return b"1" if value else b"0"
    return str(value).encode()


def parse_links(text: str):
    """CoRE link format (RFC 6690): list of (target, {attribute: value})."""
    out = []
    at = 0
    while at < len(text):
        if text[at] != "<":
            raise CodecError(f"link format: '<' expected at {at}")
        end = text.index(">", at)
        target, attrs = text[at + 1:end], {}
        at = end + 1
        while at < len(text) and text[at] == ";":
            at += 1
            start = at
            while at < len(text) and text[at] not in "=;,":
                at += 1
            name, value = text[start:at], None
            if at < len(text) and text[at] == "=":
                at += 1
                if text[at:at + 1] == '"':
                    close = text.index('"', at + 1)
                    value, at = text[at + 1:close], close + 1
                else:
                    start = at
                    while at < len(text) and text[at] not in ";,":
                        at += 1
                    value = text[start:at]
            attrs[name] = value
        out.append((target, attrs))
        if at < len(text):
            if text[at] != ",":
                raise CodecError(f"link format: ',' expected at {at}")
            at += 1
    return out
