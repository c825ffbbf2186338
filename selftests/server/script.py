# SPDX-License-Identifier: Apache-2.0
"""The expanded remote application data format of ETSI TS 102 226, 5.2.1.

Command scripts (AA with a definite length, AE with an indefinite one) are
built, response scripts (AB, AF) are read.
"""

from dataclasses import dataclass, field

from tlv import TlvError, read_length, read_tag, tlv

C_APDU, R_APDU = 0x22, 0x23
IMMEDIATE_ACTION, ERROR_ACTION, CHAINING = 0x81, 0x82, 0x83
FIRST_DELETE_ON_RESET, FIRST_KEEP_ON_RESET, MORE, LAST = 0x01, 0x11, 0x02, 0x03
BAD_FORMAT = {1: "unknown tag", 2: "wrong length", 3: "length missing"}


def command_script(apdus, indefinite=False, error_action: bytes | None = None,
                   chaining: int | None = None, raw: bytes = b"") -> bytes:
    """A script of C-APDUs. raw is put behind them as it is, for bad-input tests."""
    body = b""
    if chaining is not None:
        body += tlv(CHAINING, bytes([chaining]))
    if error_action is not None:
        body += tlv(ERROR_ACTION, error_action)
    body += b"".join(tlv(C_APDU, a) for a in apdus) + raw
    return b"\xae\x80" + body + b"\x00\x00" if indefinite else tlv(0xAA, body)


@dataclass
class Response:
    """A response script: what ran, the answers, and what the device disliked."""
    executed: int | None = None
    rapdus: list = field(default_factory=list)
    bad_format: int | None = None
    immediate_action_error: bytes | None = None
    chaining_error: int | None = None

    @property
    def complaint(self) -> str | None:
        """The error in words, None if there is none."""
        if self.bad_format is not None:
            return "bad format: " + BAD_FORMAT.get(self.bad_format, f"{self.bad_format:02X}")
        if self.immediate_action_error is not None:
            return f"immediate action: {self.immediate_action_error.hex()}"
        if self.chaining_error is not None:
            return f"script chaining: {self.chaining_error:02X}"
        return None


def parse_response(data: bytes) -> Response:
    """Reads a response script; raises TlvError if it is not a whole one."""
    if not data:
        raise TlvError("an empty response script")
    tag, at = read_tag(data, 0)
    if tag not in (0xAB, 0xAF):
        raise TlvError(f"offset 0: tag {tag:X}; AB or AF begins a response script")
    n, at = read_length(data, at)
    if (tag == 0xAF) != (n is None):
        raise TlvError(f"offset 1: the length form does not go with tag {tag:X}")
    end = len(data) - 2 if n is None else at + n
    if (n is None and data[end:] != b"\0\0") or (n is not None and end != len(data)):
        raise TlvError("the response script is cut short, or bytes follow it")
    out = Response()
    while at < end:
        start = at
        tag, at = read_tag(data, at)
        n, at = read_length(data, at)
        if n is None or at + n > end:
            raise TlvError(f"offset {start}: the value does not fit the script")
        value, at = data[at:at + n], at + n
        if tag == 0x80:
            out.executed = int.from_bytes(value, "big")
        elif tag == R_APDU:
            if n < 2:
                raise TlvError(f"offset {start}: an R-APDU of {n} bytes")
            out.rapdus.append(value)
        elif tag == 0x90 and n == 1:
            out.bad_format = value[0]
        elif tag == 0x81:
            out.immediate_action_error = value
        elif tag == 0x83 and n == 1:
            out.chaining_error = value[0]
        else:
            raise TlvError(f"offset {start}: tag {tag:X} in a response script")
    if out.executed is None:
        raise TlvError("no number of executed commands (tag 80)")
    return out
