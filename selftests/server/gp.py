# SPDX-License-Identifier: Apache-2.0
"""Card content management commands of GlobalPlatform Card Specification 2.3.1,
chapter 11, and decoders of their answers. Names are the specification's."""

import hashlib
import random
from dataclasses import dataclass

from tlv import find, lv, parse, tlv

ISD = bytes.fromhex("A000000151000000")
LOCK, UNLOCK = 0x80, 0x00
# INSTALL, P1
FOR_LOAD, FOR_INSTALL, FOR_MAKE_SELECTABLE = 0x02, 0x04, 0x08
# GET STATUS, P1
OF_ISD, OF_APPLICATIONS, OF_LOAD_FILES, OF_LOAD_FILES_AND_MODULES = 0x80, 0x40, 0x20, 0x10


def capdu(cla, ins, p1, p2, data=b"", le=None) -> bytes:
    """A short C-APDU."""
    if len(data) > 255:
        raise ValueError(f"{len(data)} data bytes in a short command")
    out = bytes([cla, ins, p1, p2])
    if data:
        out += lv(data)
    return out if le is None else out + bytes([le])


def select(aid: bytes) -> bytes:
    return capdu(0x00, 0xA4, 0x04, 0x00, aid, 0)


def get_data(tag: int, data: bytes = b"") -> bytes:
    return capdu(0x80, 0xCA, tag >> 8, tag & 0xFF, data, 0)


def install_for_load(elf: bytes, load_hash: bytes, sd: bytes = b"",
                     parameters: bytes = b"") -> bytes:
    """GPCS 11.5.2.3.1; no token."""
    return capdu(0x80, 0xE6, FOR_LOAD, 0, lv(elf) + lv(sd) + lv(load_hash) +
                 lv(parameters) + lv(b""), 0)


def install_and_make_selectable(elf: bytes, module: bytes, instance: bytes,
                                privileges: bytes = b"\0",
                                parameters: bytes = b"") -> bytes:
    """GPCS 11.5.2.3.2 and 11.5.2.3.3; parameters are the C9 value; no token."""
    return capdu(0x80, 0xE6, FOR_INSTALL | FOR_MAKE_SELECTABLE, 0,
                 lv(elf) + lv(module) + lv(instance) + lv(privileges) +
                 lv(tlv(0xC9, parameters)) + lv(b""), 0)


@dataclass(frozen=True)
class LoadFile:
    """A load file data block and what has to be known of it."""
    block: bytes

    @property
    def hash(self) -> bytes:
        """Load File Data Block Hash, SHA-256 (GPCS C.2)."""
        return hashlib.sha256(self.block).digest()

    def loads(self, room: int):
        """The LOAD commands, each with at most room data bytes (11.6.2)."""
        data = tlv(0xC4, self.block)
        parts = [data[i:i + room] for i in range(0, len(data), room)]
        if len(parts) > 256:
            raise ValueError(f"{len(parts)} LOAD blocks; the block number has one byte")
        return [capdu(0x80, 0xE8, 0x80 if i == len(parts) - 1 else 0x00, i, p, 0)
                for i, p in enumerate(parts)]


def synthetic_load_file(size: int, seed: int = 0) -> LoadFile:
    """A load file of a chosen size; the same seed gives the same bytes."""
    return LoadFile(random.Random(seed).randbytes(size))


def set_status_application(aid: bytes, state: int) -> bytes:
    """GPCS 11.10: LOCK or UNLOCK an application or security domain."""
    return capdu(0x80, 0xF0, 0x40, state, aid)


def get_status(what: int, following: bool = False, aid: bytes = b"") -> bytes:
    """GPCS 11.4, answers as TLV."""
    return capdu(0x80, 0xF2, what, 0x03 if following else 0x02, tlv(0x4F, aid), 0)


def delete(aid: bytes, related: bool = False) -> bytes:
    """GPCS 11.2; related takes the applications of a load file with it."""
    return capdu(0x80, 0xE4, 0x00, 0x80 if related else 0x00, tlv(0x4F, aid), 0)


@dataclass(frozen=True)
class Record:
    """One entry of the registry, as GET STATUS gives it (table 11-36)."""
    kind: str
    aid: bytes
    state: int | None = None
    privileges: bytes = b""
    load_file: bytes | None = None
    domain: bytes | None = None
    modules: tuple = ()

    @property
    def state_name(self) -> str:
        """Life cycle state in words (11.1.1)."""
        s = self.state
        if s is None:
            return "-"
        if self.kind == "isd":
            return {0x01: "OP_READY", 0x07: "INITIALIZED", 0x0F: "SECURED",
                    0x7F: "CARD_LOCKED", 0xFF: "TERMINATED"}.get(s, f"{s:02X}")
        if self.kind == "elf":
            return "LOADED" if s == 0x01 else f"{s:02X}"
        if s & 0x83 == 0x83:
            return "LOCKED"
        names = {0x03: "INSTALLED", 0x07: "SELECTABLE"}
        if self.privileges[:1] and self.privileges[0] & 0x80:
            names[0x0F] = "PERSONALIZED"
        return names.get(s, f"SELECTABLE({s:02X})" if s & 0x07 == 0x07 else f"{s:02X}")


def records(kind: str, data: bytes):
    """The records in the data of a GET STATUS answer: kind isd, app or elf."""
    out = []
    for tag, value in parse(data):
        if tag != 0xE3:
            raise ValueError(f"GET STATUS: tag {tag:X} where E3 belongs")
        aid = find(value, 0x4F)
        if aid is None:
            raise ValueError("GET STATUS: a record without AID")
        state = find(value, 0x9F70)
        out.append(Record(kind, aid, state[0] if state else None,
                          find(value, 0xC5, b""), find(value, 0xC4),
                          find(value, 0xCC),
                          tuple(v for t, v in parse(value) if t == 0x84)))
    return out
