# SPDX-License-Identifier: Apache-2.0
"""CAP files made from nothing (Java Card virtual machine specification 2.2,
chapter 6): small, valid, with as many applets, imports and exports as asked for;
and broken in every way that a card has to notice. Run as a program:

    cap.py OUT.cap [PACKAGE-AID [APPLET-AID...]]       a CAP file (ZIP)
    cap.py --load-file OUT.bin [PACKAGE-AID [...]]     the form that LOAD carries
    cap.py --broken DIRECTORY                          one file per fault
"""

import io
import os
import struct
import sys
import zipfile
from dataclasses import dataclass, field

NAMES = {1: "Header", 2: "Directory", 3: "Applet", 4: "Import", 5: "ConstantPool",
         6: "Class", 7: "Method", 8: "StaticField", 9: "RefLocation", 10: "Export",
         11: "Descriptor", 13: "StaticResources"}
# the order in which a card wants them (JCVM 6.1)
LOAD_ORDER = (1, 2, 4, 3, 6, 7, 8, 10, 5, 9, 13, 11)

FRAMEWORK = bytes.fromhex("A0000000620101")
LANG = bytes.fromhex("A0000000620001")
ACC_EXPORT, ACC_APPLET = 0x02, 0x04


def u1(v: int) -> bytes:
    return struct.pack(">B", v)


def u2(v: int) -> bytes:
    return struct.pack(">H", v)


def lv(b: bytes) -> bytes:
    return u1(len(b)) + b


@dataclass
class Cap:
    """What is in the package; components are made on demand."""
    package: bytes
    applets: list = field(default_factory=list)
    imports: list = field(default_factory=lambda: [(FRAMEWORK, 1, 0), (LANG, 1, 0)])
    version: tuple = (1, 0)
    code: int = 64  # bytes of method code, at least 6
    statics: int = 4
    export: bool = False
    minor: int = 1  # of the file format, 2.x
    resource: bytes = b""  # a static resource; format 2.3

    def methods(self) -> bytes:
        """No exception handlers; install() at 1, then process(); nops behind them."""
        body = u1(0) + bytes.fromhex("02307a") + bytes.fromhex("01207a")
        return body + bytes(max(0, self.code - len(body)))

    def components(self) -> dict:
        out = {}
        flags = (ACC_APPLET if self.applets else 0) | (ACC_EXPORT if self.export else 0)
        major, minor = self.version
        out[1] = bytes.fromhex("DECAFFED") + bytes([self.minor, 2, flags, minor, major]) + \
            lv(self.package) + (lv(b"sesame/test") if self.minor >= 2 else b"")
        if self.applets:
            out[3] = u1(len(self.applets)) + b"".join(lv(a) + u2(1) for a in self.applets)
        out[4] = u1(len(self.imports)) + b"".join(
            bytes([m_minor, m_major]) + lv(aid) for aid, m_major, m_minor in self.imports)
        # a class here, one of the first import, a static field, a static method
        pool = [bytes([1]) + u2(0) + b"\0", bytes([6, 0]) + u2(1)]
        if self.imports:
            pool.append(bytes([1]) + bytes([0x80, 3]) + b"\0")
        if self.statics:
            pool.append(bytes([5, 0]) + u2(0))
        out[5] = u2(len(pool)) + b"".join(pool)
        above = bytes([0x80, 3]) if self.imports else b"\xff\xff"
        one = u1(0) + above + bytes([0, 0xFF, 0, 7, 1, 0, 0]) + u2(4)
        out[6] = (u2(0) if self.minor >= 2 else b"") + one
        out[7] = self.methods()
        out[8] = u2(self.statics) + u2(0) + u2(0) + u2(self.statics) + u2(0)
        out[9] = u2(1) + b"\x02" + u2(0)
        if self.export:
            at = 2 if self.minor >= 2 else 0
            out[10] = u1(1) + u2(at) + u1(0) + u1(1) + u2(1)
        if self.resource:
            out[13] = u2(1) + u2(1) + struct.pack(">I", len(self.resource)) + self.resource
        sizes = [len(out.get(tag, b"")) for tag in range(1, 13 if self.minor >= 2 else 12)]
        wide = struct.pack(">I", len(out.get(13, b""))) if self.minor >= 3 else b""
        tail = u2(self.statics) + u2(0) + u2(0) + u1(len(self.imports)) + \
            u1(len(self.applets)) + u1(0)
        sizes[1] = 2 * len(sizes) + len(wide) + len(tail)
        out[2] = b"".join(u2(n) for n in sizes) + wide + tail
        return out

    def load_file(self) -> bytes:
        return join(self.components())

    def zip(self) -> bytes:
        """The file as converters write it."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as z:
            for tag, body in self.components().items():
                suffix = "x" if tag == 13 else ""
                name = zipfile.ZipInfo(f"sesame/test/javacard/{NAMES[tag]}.cap{suffix}")
                z.writestr(name, head(tag, body) + body)
        return buffer.getvalue()


def head(tag: int, body: bytes) -> bytes:
    return struct.pack(">BI" if tag == 13 else ">BH", tag, len(body))


def join(components: dict) -> bytes:
    return b"".join(head(tag, components[tag]) + components[tag]
                    for tag in LOAD_ORDER if tag in components)


def put(b: bytes, at: int, value: bytes) -> bytes:
    """The same bytes with others at one place; negative from the end."""
    at %= len(b)
    return b[:at] + value + b[at + len(value):]


def broken(cap: Cap):
    """(name, load file): each differs from a valid one by one fault."""
    good = cap.components()

    def with_(tag: int, body: bytes, fit: bool = True) -> bytes:
        """Another body for a component; with fit the Directory knows its size."""
        parts = dict(good)
        parts[tag] = body
        if fit and tag == 13:
            parts[2] = put(parts[2], 24, struct.pack(">I", len(body)))
        elif fit:
            parts[2] = put(parts[2], 2 * (tag - 1), u2(len(body)))
        return join(parts)

    def without(tag: int) -> bytes:
        return join({t: b for t, b in good.items() if t != tag})

    whole = join(good)
    one = 2 if cap.minor >= 2 else 0  # where the class begins
    for tag in good:
        if tag == 13:  # what is in it is the application's
            continue
        if tag != 1:
            yield f"without-{NAMES[tag].lower()}", without(tag)
        longer = with_(tag, good[tag] + b"\0")
        if tag != 7:  # behind the last method there may be anything
            yield f"{NAMES[tag].lower()}-too-long", longer
        yield f"{NAMES[tag].lower()}-too-short", with_(tag, good[tag][:-1], False)
    yield "cut", whole[:-1]
    yield "component-twice", whole + u1(5) + u2(len(good[5])) + good[5]
    yield "unknown-component", whole + u1(14) + u2(0)
    if cap.minor < 3:
        yield "resources-before-2.3", whole + head(13, b"\0\0") + b"\0\0"
    yield "tag-zero", whole + u1(0) + u2(0)
    yield "format-version", with_(1, put(good[1], 5, b"\x03"))
    yield "header-flags", with_(1, put(good[1], 6, b"\x80"))
    yield "says-no-applets", with_(1, put(good[1], 6, u1(good[1][6] ^ ACC_APPLET)))
    yield "says-exports", with_(1, put(good[1], 6, u1(good[1][6] ^ ACC_EXPORT)))
    yield "package-aid-short", with_(1, good[1][:9] + lv(cap.package[:4]))
    yield "directory-size", with_(2, put(good[2], 12, u2(len(good[7]) + 1)), False)
    yield "directory-applets", with_(2, put(good[2], -2, u1(9)), False)
    yield "directory-imports", with_(2, put(good[2], -3, u1(9)), False)
    yield "import-count", with_(4, put(good[4], 0, u1(good[4][0] + 1)))
    yield "import-aid-long", with_(4, u1(len(cap.imports)) + b"\0\1" + lv(bytes(17)) +
                                   good[4][4 + len(cap.imports[0][0]):])
    yield "applet-rid", with_(3, put(good[3], 2, b"\x55"))
    yield "applet-install-0", with_(3, put(good[3], -2, u2(0)))
    yield "applet-install-beyond", with_(3, put(good[3], -2, u2(len(good[7]))))
    yield "applet-aid-long", with_(3, u1(1) + lv(cap.package[:5] + bytes(12)) + u2(1))
    yield "class-super-beyond", with_(6, put(good[6], one + 1, u2(0x7FFE)))
    yield "class-super-package", with_(6, put(good[6], one + 1, b"\xfe\0"))
    yield "class-method-beyond", with_(6, put(good[6], -2, u2(0x7000)))
    yield "class-methods-many", with_(6, put(good[6], one + 7, b"\xff"))
    handler = u2(0) + u2(1) + u2(1) + u2(0)
    yield "handler-start", with_(7, u1(1) + handler + good[7][1:])
    handler = u2(9) + u2(0x7000) + u2(9) + u2(0)
    yield "handler-range", with_(7, u1(1) + handler + good[7][1:])
    handler = u2(9) + u2(1) + u2(0x7000) + u2(0)
    yield "handler-target", with_(7, u1(1) + handler + good[7][1:])
    yield "handlers-many", with_(7, put(good[7], 0, b"\xff"))
    yield "static-image", with_(8, put(good[8], 0, u2(cap.statics + 1)))
    yield "static-values", with_(8, put(good[8], -2, u2(1)) + b"\0")
    yield "static-array-type", with_(8, u2(cap.statics) + u2(1) + u2(1) + b"\7" + u2(0) +
                                     good[8][6:])
    yield "static-arrays-many", with_(8, put(good[8], 4, u2(0xFFFF)))
    yield "pool-tag", with_(5, put(good[5], 2, b"\x07"))
    yield "pool-class", with_(5, put(good[5], 3, u2(0x7FFE)))
    yield "pool-package", with_(5, put(good[5], 3, b"\xfe\0"))
    yield "pool-method", with_(5, put(good[5], 8, u2(0xFFF0)))
    yield "pool-count", with_(5, put(good[5], 0, u2(0xFFFF)))
    yield "location-beyond", with_(9, u2(9) + b"\xff" * 9 + u2(0))
    yield "location-count", with_(9, u2(0xFFFF) + u2(0))
    if cap.export:
        yield "export-class", with_(10, put(good[10], 1, u2(0x7FFE)))
        yield "export-method", with_(10, put(good[10], -2, u2(0xFFF0)))


def main(argv: list) -> int:
    kind = argv.pop(0) if argv and argv[0].startswith("--") else "--cap"
    if not argv or kind not in ("--cap", "--load-file", "--broken"):
        print(__doc__, file=sys.stderr)
        return 2
    aids = [bytes.fromhex(a) for a in argv[1:]]
    package = aids[0] if aids else bytes.fromhex("F0534553414D4501")
    cap = Cap(package, aids[1:] or [package + b"\1"], export=kind == "--broken")
    if kind == "--broken":
        os.makedirs(argv[0], exist_ok=True)
        for name, data in broken(cap):
            with open(os.path.join(argv[0], name), "wb") as f:
                f.write(data)
        return 0
    with open(argv[0], "wb") as f:
        f.write(cap.zip() if kind == "--cap" else cap.load_file())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
