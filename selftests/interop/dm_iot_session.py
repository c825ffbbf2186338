# SPDX-License-Identifier: Apache-2.0
"""Cases 101 to 117 of Documentation/dm/iot.rst: sessions and authentication."""

import asyncio
import os
import signal
import ssl
import subprocess
import tempfile

import dm_auth
from dm_auth import BASIC, MAC
from dm_bench import DEVICE, Bench, case, need
from dm_session import get


async def quiet(b):
    """Nothing more comes, and nothing is to come."""
    n = len(b.server.requests)
    now = await b.settled()
    need(now == n, "silence", f"{now - n} messages")


@case(101, "a session of the client's own accord")
async def own_accord(b):
    await b.sectl("dm", "session", "iot")
    session = await b.server.session()
    need(session.kind == 1201, "Alert 1201", session.kind)
    need(session.device == DEVICE == session.devinfo["./DevInfo/DevId"], "Source is DevId",
         session.device)
    await session.end()
    await quiet(b)


@case(102, "a session by notification")
async def notified(b):
    for number, push in ((0x1A2B, True), (7, False)):
        b.notify(number, push=push)
        session = await b.server.session()
        need((session.id, session.kind) == (f"{number:X}", 1200), "SessionID and Alert",
             (session.id, session.kind))
        await session.end()


@case(103, "a notification over CoAP")
async def notified_coap(b):
    package = b.server.notification(0x300)
    uri = f"coap://127.0.0.1:{b.coap}/dm"
    codes = [await dm_auth.send_coap(uri, package)]
    session = await b.server.session()
    codes.append(await dm_auth.send_coap(uri, package))
    await session.end()
    need(codes == ["2.04"] * 2, "2.04", codes)
    need(session.id == "300", "SessionID", session.id)
    await quiet(b)


@case(104, "notifications that are not believed")
async def not_believed(b):
    old = b.server.notification(0x310)
    b.notify(0x310)
    await (await b.server.session()).end()
    await quiet(b)
    good = b.server.notification(0x311)
    other = dm_auth.notification("com.example.other", b.server.server_secret,
                                 b.server.server_nonce, 0x311)
    for bad in (bytes([good[0] ^ 1]) + good[1:], other, good[:-3], good[:16], old,
                b.server.notification(0x311, secret=b"guess"), os.urandom(60), b"\0"):
        for package in (bad, dm_auth.push(bad)):
            dm_auth.send_udp(b.udp, package)
    await quiet(b)
    await asyncio.sleep(1)      # so many are more than a second's share, with those to come
    dm_auth.send_udp(b.udp, dm_auth.push(good))
    session = await b.server.session()
    need(session.id == "311", "SessionID", session.id)
    await session.end()
    await quiet(b)


@case(105, "the nonce for notifications is lost")
async def nonce_lost(b):
    package = b.server.notification(0x320, nonce=bytes(4))
    dm_auth.send_udp(b.udp, dm_auth.push(package))
    session = await b.server.session()
    need(session.id == "320", "SessionID", session.id)
    await session.end()
    dm_auth.send_udp(b.udp, dm_auth.push(package))
    await quiet(b)


@case(106, "sessions by schedule", own=True)
async def schedule(coding):
    async with Bench(coding, account={"poll": "1"}) as b:
        for _ in range(2):
            session = await b.server.session()
            need(session.kind == 1201, "Alert 1201", session.kind)
            await session.end()


@case(111, "MD5 both ways")
async def md5(b):
    for _ in range(3):
        before = b.server.server_nonce
        session = await b.session()
        need(len(session.messages) == 1, "credentials are right at once", len(session.messages))
        man, = await session.run(get("./DevInfo/Man"))
        head = session.messages[-1].cmds[0]
        need((man.code, head.code) == (200, 212), "Status 212", (man.code, head.code))
        need(b.server.server_nonce != before and len(b.server.server_nonce) >= 16,
             "a new nonce for the server", b.server.server_nonce.hex())
        await session.end()


@case(112, "challenges")
async def challenges(b):
    await (await b.session()).end()
    b.server.client_nonce = b"a nonce that nobody was told"
    session = await b.session()
    need(len(session.messages) == 2 and session.messages[1].cred is not None and
         session.messages[1].session == session.messages[0].session,
         "package 1 again, with credentials", len(session.messages))
    await session.end()
    session = await b.session()
    b.server.tweak = lambda session, m: setattr(m, "cred", None)
    try:
        got = await session.exchange([get("./DevInfo/Man")])
    finally:
        b.server.tweak = None
    head = got.cmds[0]
    need(head.code == 407 and head.chal is not None and head.chal.next_nonce,
         "407 with a challenge for a server without credentials", head)
    need(not got.named("Results") and {c.code for c in got.named("Status")} == {407},
         "and nothing is done for it", [(c.name, c.data) for c in got.cmds])
    session.take(got)
    b.server.server_nonce = b"an old one"
    man, = await session.run(get("./DevInfo/Man"))
    codes = [m.cmds[0].code for m in session.messages[-2:]]
    need(codes == [401, 212] and man.code == 200, "401, then 212", codes)
    need(not session.messages[-2].named("Results"), "no Results before")
    await session.end()


@case(113, "HMAC both ways", own=True)
async def hmac(coding):
    async with Bench(coding, auth=MAC) as b:
        for _ in range(2):
            session = await b.session()
            for _ in range(3):
                man, = await session.run(get("./DevInfo/Man"))
                need(man.code == 200, "Get", man.code)
                head = session.messages[-1].cmds[0]
                need(head.code == 200 and head.chal and head.chal.next_nonce,
                     "Status 200 and a new nonce", head)
            need(all(m.cred is None for m in session.messages), "no Cred")
            await session.end()
        heads = [head for _, head, _ in b.server.requests]
        need(all(dm_auth.HMAC_HEADER in h for h in heads), "the header in each message")
        need(not b.server.complaints, "no complaint", b.server.complaints)


@case(114, "Basic is not given away", own=True)
async def basic(coding):
    async with Bench(coding) as b:
        b.server.client_auth, n = BASIC, len(b.server.requests)
        b.notify()
        session = asyncio.ensure_future(b.server.session())
        said = await b.failed()
        need(not session.done(), "a session with MD5 where Basic was asked for")
        session.cancel()
        need("a way to authenticate that is not allowed" in said["error"], "why it has ended",
             said["error"])
        secret = b.server.client_secret
        shown = [body for _, _, body in b.server.requests
                 if secret in body or dm_auth.basic("sesame", secret).encode() in body]
        need(len(b.server.requests) > n and not shown, "the secret is in no message", len(shown))
    async with Bench(coding, auth=BASIC) as b:
        session = await b.session()
        man, = await session.run(get("./DevInfo/Man"))
        need(man.code == 200 and session.messages[0].cred.type == BASIC, "Basic where allowed",
             man.code)
        await session.end()


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def authority(folder, name):
    """A certificate authority, and certificates by it for server and client."""
    ca = os.path.join(folder, name)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", ca + ".key", "-out", ca + ".pem", "-days", "2",
            "-subj", f"/CN={name}")
    for who, extra in (("server", ["-addext", "subjectAltName=IP:127.0.0.1"]), ("client", [])):
        openssl("req", "-x509", *curve, "-CA", ca + ".pem", "-CAkey", ca + ".key", "-keyout",
                f"{ca}-{who}.key", "-out", f"{ca}-{who}.pem", "-days", "2", "-subj",
                f"/CN={who}", *extra)
        os.chmod(f"{ca}-{who}.key", 0o600)
    return ca


def tls_server(own, peer):
    """own: whose certificate the server shows; peer: whose clients it takes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{own}-server.pem", f"{own}-server.key")
    context.load_verify_locations(f"{peer}.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@case(115, "TLS", own=True)
async def tls(coding):
    with tempfile.TemporaryDirectory() as folder:
        ours, other = authority(folder, "ours"), authority(folder, "other")
        account = {"ca": f"{ours}.pem", "cert": f"{ours}-client.pem", "key": f"{ours}-client.key"}
        async with Bench(coding, auth=None, account=account, ssl=tls_server(ours, ours),
                         greet=False) as b:
            session = await b.server.session()
            man, = await session.run(get("./DevInfo/Man"))
            need(man.code == 200, "Get", man.code)
            need(all(m.cred is None for m in session.messages), "no Cred")
            await session.end()
            need(not b.server.complaints, "no complaint", b.server.complaints)
        async with Bench(coding, auth=None, account=account, ssl=tls_server(other, ours),
                         greet=False) as b:
            said = await b.failed()
            need("certificate" in said["error"], "why it has ended", said["error"])
            need(not b.server.requests, "no message to a server of another authority",
                 len(b.server.requests))


@case(116, "nonces over a restart")
async def restart(b):
    session = await b.session()
    await session.run(get("./DevInfo/Man"))
    await session.end()
    await b.restart(signal.SIGKILL)
    session = await b.session()
    need(len(session.messages) == 1, "the client's digest is right at once")
    await session.run(get("./DevInfo/Man"))
    need(session.messages[-1].cmds[0].code == 212 and len(session.messages) == 2,
         "the server's, too", session.messages[-1].cmds[0].code)
    await session.end()


@case(117, "RespURI")
async def resp_uri(b):
    b.server.resp_uri = True
    try:
        n = len(b.server.requests)
        session = await b.session()
        for _ in range(2):
            await session.run(get("./DevInfo/Man"))
        await session.end()
        targets = [t for t, _, _ in b.server.requests[n:]]
        need(targets == ["/dm"] + [f"/dm?sid={session.token}"] * 2, "where messages go", targets)
        n = len(b.server.requests)
        await (await b.session()).end()
        need(b.server.requests[n][0] == "/dm", "the next session begins at the account's address",
             b.server.requests[n][0])
    finally:
        b.server.resp_uri = False
