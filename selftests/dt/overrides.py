# SPDX-License-Identifier: Apache-2.0
"""Apply `dtoverlay=NAME,param=value` parameters to a compiled overlay.

What the Raspberry Pi's boot loader does with `__overrides__`, as far as our
overlays use it: integers at an offset, strings, literals, and fragments that
are switched on and off. A declaration of any other form is an error.

overrides.py FROM TO PARAMETER[=VALUE]…    the same with files
"""
import pathlib
import re
import struct
import sys

import libfdt

GROWTH = 1024


class BadOverride(Exception):
    """The overlay declares a parameter in a form that is not known here."""


def declarations(raw):
    """Yield (phandle, text) of one property of __overrides__."""
    at = 0
    while at < len(raw):
        if at + 4 > len(raw):
            raise BadOverride("cut in a phandle")
        (phandle,) = struct.unpack_from(">I", raw, at)
        end = raw.find(b"\0", at + 4)
        if end < 0:
            raise BadOverride("text without an end")
        yield phandle, raw[at + 4:end].decode()
        at = end + 1


def switch_fragments(blob, text):
    """`+4-2`: fragment 4 on, fragment 2 off. Both names are of one length."""
    ops = re.findall(r"([+-])(\d+)", text)
    if "".join(a + b for a, b in ops) != text:
        raise BadOverride(f"fragments: {text}")
    for sign, number in ops:
        fdt = libfdt.Fdt(blob)
        off = fdt.path_offset(f"/fragment@{number}")
        old, new = ("__dormant__", "__overlay__") if sign == "+" else ("__overlay__", "__dormant__")
        child = fdt.subnode_offset(off, old, [libfdt.NOTFOUND])
        if child >= 0:
            fdt.set_name(child, new)
        local = fdt.path_offset(f"/__local_fixups__/fragment@{number}/{old}", [libfdt.NOTFOUND])
        if local >= 0:
            fdt.set_name(local, new)
        path = f"/fragment@{number}/"
        blob = bytearray(bytes(fdt.as_bytearray()).replace((path + old).encode(),
                                                          (path + new).encode()))
    return blob


def set_property(blob, phandle, text, value):
    m = re.fullmatch(r"([A-Za-z0-9,._-]+?)(?::(\d+)(?:=(\w+))?)?", text)
    if not m:
        raise BadOverride(text)
    name, at, literal = m.groups()
    fdt = libfdt.Fdt(blob)
    node = fdt.node_offset_by_phandle(phandle)
    old = fdt.getprop(node, name, [libfdt.NOTFOUND])
    data = bytearray(old) if isinstance(old, (bytes, bytearray, libfdt.Property)) else bytearray()
    if at is None:
        data = value.encode() + b"\0"
    else:
        at = int(at)
        data.extend(bytes(max(0, at + 4 - len(data))))
        struct.pack_into(">I", data, at, int(literal or value, 0))
    rw = libfdt.Fdt(blob)
    rw.setprop(rw.node_offset_by_phandle(phandle), name, bytes(data))
    return bytearray(rw.as_bytearray())


def apply(dtbo, params):
    """The overlay `dtbo` (bytes) with `params` (dict of strings) applied."""
    fdt = libfdt.Fdt(dtbo)
    fdt.resize(len(dtbo) + GROWTH)
    blob = fdt.as_bytearray()
    for name, value in params.items():
        fdt = libfdt.Fdt(blob)
        raw = fdt.getprop(fdt.path_offset("/__overrides__"), name, [libfdt.NOTFOUND])
        if not isinstance(raw, libfdt.Property):
            raise BadOverride(f"no parameter {name}")
        for phandle, text in declarations(bytes(raw)):
            if phandle:
                blob = set_property(blob, phandle, text, value)
            else:
                blob = switch_fragments(blob, text)
    return bytes(blob)


def main():
    source, target, *params = sys.argv[1:]
    params = dict((p + "=").split("=")[:2] for p in params)
    pathlib.Path(target).write_bytes(apply(pathlib.Path(source).read_bytes(), params))


if __name__ == "__main__":
    main()
