# SPDX-License-Identifier: Apache-2.0
"""BER-TLV as GlobalPlatform and ETSI use it: definite lengths, tags of up to
three bytes, plus the indefinite form where a caller asks for it."""


class TlvError(ValueError):
    """What is wrong, and at which offset."""


def length(n: int) -> bytes:
    """The shortest definite length field."""
    if n < 0x80:
        return bytes([n])
    octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def tlv(tag: int, *values: bytes) -> bytes:
    """One data object; the tag is written as it is read: 0x9F70."""
    value = b"".join(values)
    return tag.to_bytes(max(1, (tag.bit_length() + 7) // 8), "big") + \
        length(len(value)) + value


def lv(value: bytes) -> bytes:
    """A value behind one length byte."""
    return bytes([len(value)]) + value


def read_tag(data: bytes, at: int):
    """(tag, offset behind it)"""
    start = at
    if at >= len(data):
        raise TlvError(f"offset {at}: a tag expected, the data end here")
    at += 1
    if data[start] & 0x1F == 0x1F:
        while True:
            if at >= len(data) or at - start > 3:
                raise TlvError(f"offset {start}: the tag does not end")
            at += 1
            if not data[at - 1] & 0x80:
                break
    return int.from_bytes(data[start:at], "big"), at


def read_length(data: bytes, at: int):
    """(length or None if indefinite, offset behind it)"""
    if at >= len(data):
        raise TlvError(f"offset {at}: a length expected, the data end here")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    if first == 0x80:
        return None, at + 1
    n = first & 0x7F
    if n > 4 or at + 1 + n > len(data):
        raise TlvError(f"offset {at}: a length field of {n} bytes is cut or too long")
    return int.from_bytes(data[at + 1:at + 1 + n], "big"), at + 1 + n


def parse(data: bytes):
    """The data objects in a row, as a list of (tag, value)."""
    out, at = [], 0
    while at < len(data):
        tag, at = read_tag(data, at)
        n, at = read_length(data, at)
        if n is None:
            raise TlvError(f"offset {at - 1}: indefinite length")
        if at + n > len(data):
            raise TlvError(f"offset {at}: {n} bytes expected, {len(data) - at} there")
        out.append((tag, data[at:at + n]))
        at += n
    return out


def find(data: bytes, tag: int, default=None):
    """The value of the first object with this tag."""
    return next((v for t, v in parse(data) if t == tag), default)
