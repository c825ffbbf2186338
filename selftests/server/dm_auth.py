# SPDX-License-Identifier: Apache-2.0
"""Who is who in OMA DM 1.2.1: credentials (Security, 5.3), the HMAC of a message (5.4), and
package 0 (Notification, 6) with what carries it: WSP push in a datagram, CoAP, a file."""

import asyncio
import base64
import hashlib
import hmac
import re
import socket
import struct

BASIC, MD5, MAC = "syncml:auth-basic", "syncml:auth-md5", "syncml:auth-MAC"
NOT_SPECIFIED, BACKGROUND, INFORMATIVE, INTERACTION = range(4)
HMAC_HEADER = "x-syncml-hmac"
# push, no header but the content type (0x44) and X-Wap-Application-Id 7, syncml.dm
WSP_PUSH = bytes.fromhex("010603C4AF87")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def b64_md5(*parts) -> bytes:
    """base64 of the MD5 of what is joined by colons; text or bytes"""
    joined = b":".join(p.encode() if isinstance(p, str) else p for p in parts)
    return base64.b64encode(hashlib.md5(joined).digest())


def basic(user, secret) -> str:
    return b64(b":".join(p.encode() if isinstance(p, str) else p for p in (user, secret)))


def md5(user, secret, nonce) -> str:
    return b64_md5(b64_md5(user, secret), nonce).decode()


def mac(user, secret, nonce, body: bytes) -> str:
    return b64_md5(b64_md5(user, secret), nonce, b64_md5(body)).decode()


def hmac_header(user, secret, nonce, body: bytes) -> str:
    return f'algorithm=MD5, username="{user}", mac={mac(user, secret, nonce, body)}'


def parse_hmac(header: str) -> dict:
    """algorithm (MD5 where it is not said), username, mac"""
    found = dict(re.findall(r'(algorithm|username|mac)\s*=\s*"?([^",\s]+)"?', header))
    return {"algorithm": "MD5", **found}


def same(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode(), b.encode())


def trigger(server_id, session, ui=BACKGROUND, initiator=1, version=11, vendor=b""):
    """The part of package 0 that the digest protects."""
    name = server_id.encode()
    head = version << 54 | ui << 52 | initiator << 51 | session << 8 | len(name)
    return struct.pack(">Q", head) + name + vendor


def notification(server_id, secret, nonce, session, **fields) -> bytes:
    """Package 0; fields: what trigger() takes."""
    body = trigger(server_id, session, **fields)
    digest = hashlib.md5(b":".join((b64_md5(server_id, secret), nonce, b64_md5(body)))).digest()
    return digest + body


def push(package: bytes, tid=1) -> bytes:
    """In a WSP connectionless push, as it goes to port 2948."""
    return bytes([tid]) + WSP_PUSH[1:] + package


def send_udp(port, datagram, host="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(datagram, (host, port))


async def send_coap(uri, package, content_format=None, timeout=60):
    """POST of package 0; the code of the answer, such as "2.04"."""
    import aiocoap      # only here: the rest is the standard library
    context = await aiocoap.Context.create_client_context()
    try:
        m = aiocoap.Message(code=aiocoap.POST, uri=uri, payload=package)
        if content_format is not None:
            m.opt.content_format = content_format
        answer = await asyncio.wait_for(context.request(m).response, timeout)
        return answer.code.dotted
    finally:
        await context.shutdown()
