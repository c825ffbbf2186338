# SPDX-License-Identifier: Apache-2.0
"""Secure Channel Protocol '03', the host's side.

GlobalPlatform Card Specification, Amendment D, S8 mode (8-byte challenges,
cryptograms and MACs), AES-128, -192 and -256, security levels 00, 01, 03, 11,
13 and 33. Written from the standard; shares nothing with the daemon or with
the software SE.

A Session is driven like this:

    s = Session(keys)
    send s.initialize_update(); s.card_answer(answer, SW included)
    send s.external_authenticate(0x33); s.authenticated(answer)
    w = s.wrap(c_apdu); send w.apdu; data, sw = s.unwrap(answer, w)

Commands may be wrapped ahead of their answers, which is what a script of many
commands needs. If the SE stopped in the middle of such a batch, rewind() puts
the session back to the last command that the SE did take.
"""

import hmac
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

LEVELS = (0x00, 0x01, 0x03, 0x11, 0x13, 0x33)
C_MAC, C_ENC, R_MAC, R_ENC = 0x01, 0x02, 0x10, 0x20

# Amendment D, table 4-1: data derivation constants
CARD_CRYPTOGRAM, HOST_CRYPTOGRAM, CARD_CHALLENGE = 0x00, 0x01, 0x02
S_ENC, S_MAC, S_RMAC = 0x04, 0x06, 0x07


class Scp03Error(Exception):
    """The card's answer is malformed, or not the answer of who it should be."""


def cmac(key: bytes, *parts: bytes) -> bytes:
    """AES-CMAC over the concatenation of parts, all 16 bytes."""
    c = CMAC(algorithms.AES(key))
    for part in parts:
        c.update(part)
    return c.finalize()


def derive(key: bytes, constant: int, bits: int, context: bytes) -> bytes:
    """Amendment D, 4.1.5: NIST SP 800-108 in counter mode, PRF AES-CMAC."""
    out = b""
    i = 0
    while len(out) * 8 < bits:
        i += 1
        out += cmac(key, bytes(11) + bytes([constant, 0]) +
                    bits.to_bytes(2, "big") + bytes([i]) + context)
    return out[:bits // 8]


def aes_block(key: bytes, block: bytes) -> bytes:
    """One block in ECB mode."""
    e = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return e.update(block) + e.finalize()


def aes_cbc(key: bytes, iv: bytes, data: bytes, encrypt: bool) -> bytes:
    """CBC without padding; data is a whole number of blocks."""
    c = Cipher(algorithms.AES(key), modes.CBC(iv))
    e = c.encryptor() if encrypt else c.decryptor()
    return e.update(data) + e.finalize()


def pad(data: bytes) -> bytes:
    """ISO/IEC 9797-1 method 2, always at least one byte."""
    data += b"\x80"
    return data + bytes(-len(data) % 16)


def unpad(data: bytes) -> bytes:
    """Takes pad() off again."""
    stripped = data.rstrip(b"\x00")
    if not stripped.endswith(b"\x80") or len(data) - len(stripped) > 15:
        raise Scp03Error("response data: the padding is not 80 00…")
    return stripped[:-1]


def key_check_value(key: bytes) -> bytes:
    """KCV of an AES key: the first three bytes of sixteen 01 encrypted."""
    return aes_block(key, b"\x01" * 16)[:3]


def split_apdu(apdu: bytes):
    """Header, data and Le (None if there is none) of a short C-APDU."""
    if len(apdu) < 4:
        raise ValueError(f"C-APDU of {len(apdu)} bytes; the header alone has 4")
    head, body = apdu[:4], apdu[4:]
    if not body:
        return head, b"", None
    if len(body) == 1:
        return head, b"", body[0]
    lc = body[0]
    if lc == 0:
        raise ValueError("extended length: GlobalPlatform commands are short")
    data, rest = body[1:1 + lc], body[1 + lc:]
    if len(data) != lc or len(rest) > 1:
        raise ValueError(f"C-APDU: Lc says {lc}, the body has {len(body) - 1} bytes")
    return head, data, rest[0] if rest else None


def is_class_of_channel_4_up(cla: int) -> bool:
    """Whether CLA is coded as GPCS 11.1.4 says for channels 4 to 19."""
    return bool(cla & 0x40)


@dataclass(frozen=True)
class Keys:
    """A key set of the card; all three keys have the same length."""
    kvn: int
    enc: bytes
    mac: bytes
    dek: bytes

    def __repr__(self):
        return f"Keys(kvn={self.kvn:02X}, AES-{len(self.enc) * 8})"


@dataclass(frozen=True)
class Wrapped:
    """A protected command, and what its answer has to be checked against."""
    apdu: bytes
    plain: bytes
    counter: int
    chaining: bytes


class Session:
    """One secure channel session.

    aid is that of the application which is asked (for a card whose challenges
    are pseudo-random, and whose sequence counter comes with the answer): with
    it the card's challenge itself is checked.
    """

    def __init__(self, keys: Keys, host_challenge: bytes | None = None,
                 aid: bytes | None = None):
        self.keys = keys
        self.aid = aid
        self.host_challenge = host_challenge or os.urandom(8)
        if len(self.host_challenge) != 8:
            raise ValueError("the host challenge has 8 bytes in S8 mode")
        self.level = None
        self.chaining = bytes(16)
        self.counter = 0
        self.i = None
        self.sequence = None
        self.diversification = None

    def initialize_update(self, cla: int = 0x80) -> bytes:
        """The C-APDU that opens the session."""
        return bytes([cla, 0x50, self.keys.kvn, 0x00, 8]) + \
            self.host_challenge + b"\x00"

    def card_answer(self, rapdu: bytes) -> None:
        """Takes the answer to INITIALIZE UPDATE, status word included, derives
        the session keys and checks the card's cryptogram."""
        data, sw = rapdu[:-2], rapdu[-2:]
        if sw != b"\x90\x00":
            raise Scp03Error(f"INITIALIZE UPDATE: the card answered {sw.hex().upper()}")
        if len(data) not in (29, 32):
            raise Scp03Error(f"INITIALIZE UPDATE: {len(data)} bytes; 29 or 32 expected")
        kvn, scp, self.i = data[10], data[11], data[12]
        if scp != 3:
            raise Scp03Error(f"the key set {kvn:02X} is for SCP{scp:02X}, not SCP03")
        if self.i & 0x01:
            raise Scp03Error(f"i={self.i:02X}: S16 mode is not spoken here")
        if self.keys.kvn not in (0, kvn):
            raise Scp03Error(f"key version {self.keys.kvn:02X} asked, {kvn:02X} answered")
        self.diversification = data[:10]
        challenge, cryptogram = data[13:21], data[21:29]
        if bool(self.i & 0x10) != (len(data) == 32):
            raise Scp03Error(f"i={self.i:02X} and an answer of {len(data)} bytes do not agree")
        if self.i & 0x10:
            self.sequence = data[29:32]
            if self.aid is not None and challenge != derive(
                    self.keys.enc, CARD_CHALLENGE, 64, self.sequence + self.aid):
                raise Scp03Error("the card challenge is not the one of this "
                                 "sequence counter and AID")
        context = self.host_challenge + challenge
        bits = len(self.keys.enc) * 8
        self._s_enc = derive(self.keys.enc, S_ENC, bits, context)
        self._s_mac = derive(self.keys.mac, S_MAC, bits, context)
        self._s_rmac = derive(self.keys.mac, S_RMAC, bits, context)
        if not hmac.compare_digest(
                cryptogram, derive(self._s_mac, CARD_CRYPTOGRAM, 64, context)):
            raise Scp03Error("the card cryptogram is wrong: not our keys, "
                             "or not our card")
        self._context = context

    def external_authenticate(self, level: int, channel_cla: int = 0x80) -> bytes:
        """The C-APDU that proves who we are and sets the security level."""
        if level not in LEVELS:
            raise ValueError(f"security level {level:02X} is not one of SCP03's")
        if (level & R_MAC and not self.i & 0x20) or (level & R_ENC and not self.i & 0x40):
            raise Scp03Error(f"i={self.i:02X} does not offer level {level:02X}")
        self._wanted = level
        self.chaining = bytes(16)
        cryptogram = derive(self._s_mac, HOST_CRYPTOGRAM, 64, self._context)
        return self._mac(bytes([channel_cla, 0x82, level, 0x00]), cryptogram, None)

    def authenticated(self, rapdu: bytes) -> None:
        """Takes the answer to EXTERNAL AUTHENTICATE, which carries no MAC."""
        if rapdu != b"\x90\x00":
            raise Scp03Error(f"EXTERNAL AUTHENTICATE: the card answered {rapdu.hex().upper()}")
        self.level = self._wanted
        self.counter = 0

    @property
    def max_data(self) -> int:
        """The longest command data that still fits a short C-APDU."""
        room = 255 - 8
        return room // 16 * 16 - 1 if self.level & C_ENC else room

    def _mac(self, head: bytes, data: bytes, le: int | None) -> bytes:
        """Adds the C-MAC and moves the chaining value on.

        The MAC is made with the class byte of channel 0 (Amendment D, 6.2.4).
        """
        cla = head[0]
        if is_class_of_channel_4_up(cla):
            cla |= 0x20
        else:
            cla |= 0x04
        mac_head = bytes([0x84]) + head[1:]
        lc = bytes([len(data) + 8])
        self.chaining = cmac(self._s_mac, self.chaining, mac_head, lc, data)
        tail = b"" if le is None else bytes([le])
        return bytes([cla]) + head[1:] + lc + data + self.chaining[:8] + tail

    def wrap(self, apdu: bytes) -> Wrapped:
        """Protects one C-APDU at the session's level."""
        if self.level is None:
            raise Scp03Error("no session: EXTERNAL AUTHENTICATE has not been answered")
        head, data, le = split_apdu(apdu)
        if len(data) > self.max_data:
            raise ValueError(f"{len(data)} data bytes do not fit; {self.max_data} do")
        # The counter moves for every command, with or without data (6.2.6).
        self.counter += 1
        if self.level & C_ENC and data:
            iv = aes_block(self._s_enc, self.counter.to_bytes(16, "big"))
            data = aes_cbc(self._s_enc, iv, pad(data), True)
        if self.level & C_MAC:
            out = self._mac(head, data, le)
        else:
            out = apdu
        return Wrapped(out, apdu, self.counter, self.chaining)

    def unwrap(self, rapdu: bytes, command: Wrapped):
        """Checks and opens the answer to a wrapped command: (data, SW).

        Answers other than 9000, 62xx and 63xx come without a MAC (6.2.5).
        """
        if len(rapdu) < 2:
            raise Scp03Error(f"an R-APDU of {len(rapdu)} bytes")
        data, sw = rapdu[:-2], int.from_bytes(rapdu[-2:], "big")
        if sw != 0x9000 and sw >> 8 not in (0x62, 0x63):
            if data:
                raise Scp03Error(f"an error {sw:04X} with data: nothing vouches for it")
            return b"", sw
        if not self.level & R_MAC:
            return data, sw
        if len(data) < 8:
            raise Scp03Error(f"SW {sw:04X} without R-MAC")
        data, mac = data[:-8], data[-8:]
        want = cmac(self._s_rmac, command.chaining, data, rapdu[-2:])[:8]
        if not hmac.compare_digest(mac, want):
            raise Scp03Error("the R-MAC is wrong")
        if self.level & R_ENC and data:
            if len(data) % 16:
                raise Scp03Error(f"{len(data)} bytes are not whole AES blocks")
            block = b"\x80" + command.counter.to_bytes(15, "big")
            iv = aes_block(self._s_enc, block)
            data = unpad(aes_cbc(self._s_enc, iv, data, False))
        return data, sw

    def rewind(self, last: Wrapped) -> None:
        """Forgets the commands wrapped after last, which the card never got."""
        self.counter, self.chaining = last.counter, last.chaining
