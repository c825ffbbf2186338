#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that means harm, and mistakes of whoever sets the device up: bodies that
are wrong in every format, floods, stale and foreign datagrams, keys that must not be
seen, a state that cannot be read. Prints TAP; run inside the Debian 13 root.

    lwm2m-bad.py [NAME…]     only the named tests
"""

import glob
import os
import random
import resource
import stat
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import aiocoap  # noqa: E402
import codec  # noqa: E402
from aiocoap.numbers.codes import DELETE, FETCH, GET, POST, PUT, iPATCH  # noqa: E402
from rawcoap import ACK, CON, NON, RST, RawServer, dotted  # noqa: E402
from stack import OUT, Stack, free_port, wait_bound, wait_until  # noqa: E402
from tap import tap  # noqa: E402

KEY = bytes(range(0xC0, 0xD0))
# KiB that the resident memory may grow by; the sanitizer keeps what was freed
GROWTH = 64 * 1024 if os.environ.get("V") == "san" else 6 * 1024


def rss(stack):
    """Resident memory of semd in KiB."""
    with open(f"/proc/{stack.semd.pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


class Bench:
    """A registered device before a raw server."""

    def __init__(self, **settings):
        self.port = free_port()
        self.settings = settings

    def __enter__(self):
        self.raw = RawServer(self.port)
        self.stack = Stack(f"coap://127.0.0.1:{self.port}", self.settings).start()
        self.raw.wait_for_registration(60)
        self.raw.request(GET, (3, 0, 0))
        return self

    def __exit__(self, kind, error, trace):
        self.raw.close()  # nobody would answer its farewell: it need not wait
        status = self.stack.stop()
        if kind is None:
            tap(status == 0, "semd ends with status 0 afterwards", str(status))
        if kind is not None or status != 0:
            for line in self.stack.text("semd.log").splitlines()[-30:]:
                print(f"# semd: {line}")
        self.stack.remove()

    def alive(self, what, before):
        m = self.raw.request(GET, (1, 0, 1))
        grown = rss(self.stack) - before
        tap(dotted(m.code) == "2.05" and grown < GROWTH, f"{what}: semd answers, memory is bounded",
            f"{grown} KiB more")


BODIES = {
    "TLV": (codec.TLV, [b"\xc8", b"\xc1\x01", b"\xc8\x01\xff\x00", b"\xdb\x01\xff\xff\xff" + b"x" * 9,
                        b"\x08\x00\x03\xc8\x01\x05a", b"\xc1\x01\x05\xff", b"\x00" * 300,
                        b"\x88\x01\x02\x41\x00"]),
    "SenML-CBOR": (codec.SENML_CBOR, [b"\x9f", b"\x81\xbf", b"\x9b" + b"\xff" * 8, b"\x81" * 500,
                                      b"\x81\xa1\x00\x7b" + b"\xff" * 8, b"\x81\xa2\x00\x61/\x02\xf9",
                                      b"\x81\xa1\x21\x64/1/0", b"\xff"]),
    "SenML-JSON": (codec.SENML_JSON, [b"[", b"[{]", b'[{"n":"/1/0/1","v":}]', b"[" * 5000, b'"\\ud800"',
                                      b'[{"n":"/1/0/1","v":1e999}]', b'[{"bn":"/9999/","n":"x","v":1}]',
                                      b'[{"n":"/1/0/1"}]', b"\xff\xfe[]"]),
    "LwM2M-JSON": (codec.LWM2M_JSON, [b"{", b'{"e":[{"n":"1","v":', b'{"e":{}}', b'{"e":[{"n":"-1","v":1}]}',
                                      b'{"bn":"/1/0/","e":[{"n":"1","v":"x","sv":"y"}]}']),
    "LwM2M-CBOR": (codec.LWM2M_CBOR, [b"\xbf", b"\xa1\x01", b"\xa1\x81\x01", b"\xa1" * 900, b"\xa1\x19\xff\xff\x01",
                                      b"\xa1\x20\x01", b"\xbb" + b"\xff" * 8]),
    "CBOR": (codec.CBOR, [b"", b"\x5f", b"\x7b" + b"\xff" * 8, b"\xf6", b"\xa1\x00"]),
    "text": (codec.TEXT, [b"", b"12x", b"--1", b"9" * 400, b"\xff\xff", b"300\x00"]),
    "opaque": (codec.OPAQUE, [b"\x01\x02\x03"]),
    "an unknown format": (60001, [b"300"]),
}


def bodies():
    with Bench() as b:
        before, n, good = rss(b.stack), 0, []
        lifetime = b.raw.request(GET, (1, 0, 1), accept=codec.TEXT).payload
        for name, (cf, list_) in BODIES.items():
            codes = set()
            for body in list_:
                for code, path in ((PUT, (1, 0, 1)), (POST, (1, 0)), (PUT, (1, 0)), (POST, (26242,)),
                                   (iPATCH, ()), (FETCH, ())):
                    if cf in (codec.CBOR, codec.TEXT, codec.OPAQUE) and path != (1, 0, 1):
                        continue
                    m = b.raw.request(code, path, body, content_format=cf)
                    codes.add(dotted(m.code))
                    n += 1
                    if m.code.is_successful() and code != FETCH:
                        good.append(f"{code} {path} {body[:20]!r}: {dotted(m.code)}")
            tap(all(c[0] in "24" for c in codes), f"malformed {name}: no 5.xx", " ".join(sorted(codes)))
        tap(not good, f"none of {n} malformed bodies is taken", "; ".join(good[:3]))
        noise = random.Random(7)
        for i in range(300):
            cf = noise.choice(list(BODIES.values()))[0]
            b.raw.request(noise.choice((PUT, POST, iPATCH)), noise.choice(((1, 0), (26242, 1), (26242,), ())),
                          noise.randbytes(noise.randrange(1, 200)), content_format=cf)
        tap(b.raw.request(GET, (1, 0, 1), accept=codec.TEXT).payload == lifetime, "the lifetime is what it was")
        b.alive("malformed bodies", before)


def floods():
    noise = random.Random(11)
    with Bench() as b:
        before = rss(b.stack)
        sock, to = b.raw.sock, b.raw.client
        for _ in range(20000):
            sock.sendto(noise.randbytes(noise.randrange(0, 60)), to)
        b.alive("20000 datagrams of noise", before)
        get = b.raw.build(GET, (3, 0, 0))
        for i in range(20000):
            get.mid = i
            sock.sendto(get.encode(), to)
        while b.raw.receive(0.3):
            pass
        b.alive("20000 requests without a pause", before)
        taken = refused = 0
        for i in range(1500):
            m = b.raw.build(GET, (3, 0, i % 20) if i % 2 else (26241, 0, i % 8), observe=0)
            b.raw.send(m)
            for a in b.raw.answers(m, 2):
                taken += a.opt.observe is not None
                refused += a.opt.observe is None
        tap(taken + refused > 1200 and taken < 500, "1500 observations: a number of them is kept",
            f"{taken} kept, {refused} answered without")
        b.alive("1500 observations", before)
        # answers that nobody asked for, blocks that begin in the middle, strange types
        for i in range(3000):
            kind = i % 4
            if kind == 0:
                m = aiocoap.Message(code=aiocoap.CONTENT, mtype=noise.choice((ACK, CON, NON)), mid=i,
                                    token=noise.randbytes(8), payload=b"x")
            elif kind == 1:
                m = aiocoap.Message(code=PUT, mtype=CON, mid=i, token=noise.randbytes(8), payload=b"y" * 1024,
                                    uri_path=["26242", "0", "2"])
                m.opt.block1 = (1000 + i, True, 6)
            elif kind == 2:
                m = aiocoap.Message(code=aiocoap.EMPTY, mtype=RST, mid=i, token=b"")
            else:
                m = aiocoap.Message(code=PUT, mtype=CON, mid=i, token=noise.randbytes(8), payload=b"z" * 1024,
                                    uri_path=["16", "0", str(i)])
                m.opt.block1 = (0, True, 6)
            sock.sendto(m.encode(), to)
        while b.raw.receive(0.3):
            pass
        b.alive("answers to nothing, blocks of nothing", before)
        # a body without end
        last = None
        for i in range(200):
            m = b.raw.build(PUT, (1, 0, 1), b"1" * 1024, content_format=codec.TEXT)
            m.opt.block1 = (i, True, 6)
            b.raw.send(m)
            got = b.raw.answers(m, 60)
            last = dotted(got[0].code) if got else "none"
            if last != "2.31":
                break
        tap(last[0] == "4", "a number of 200 KiB is refused", f"{last} at block {i}")
        b.alive("a body without end", before)
        log = b.stack.text("semd.log")
        tap(len(log.splitlines()) < 60, "a flood is not one in the log", f"{len(log.splitlines())} lines")


def stale():
    """Old datagrams again, and answers from somebody else."""
    with Bench() as b:
        b.raw.request(PUT, (1, 0, 1), b"400", content_format=codec.TEXT)
        old = b.raw.build(PUT, (1, 0, 1), b"500", content_format=codec.TEXT)
        b.raw.send(old)
        b.raw.answers(old, 60)
        b.raw.request(PUT, (1, 0, 1), b"600", content_format=codec.TEXT)
        b.raw.send(old)
        again = b.raw.answers(old, 2)
        now = b.raw.request(GET, (1, 0, 1), accept=codec.TEXT).payload
        tap(now == b"600", "a Write that arrives once more is not done once more",
            f"{now!r}, answered {[dotted(m.code) for m in again]}")
        thief = RawServer(free_port())
        thief.client = b.raw.client
        for code, path, body in ((GET, (3, 0, 0), b""), (PUT, (1, 0, 1), b"20"), (DELETE, (26242, 0), b"")):
            m = thief.build(code, path, body, content_format=codec.TEXT)
            thief.send(m)
            got = [dotted(x.code) for x in thief.answers(m, 1)]
            tap(not any(c.startswith("2") for c in got), f"{code} from another address is not served",
                " ".join(got) or "silence")
        thief.close()
        now = b.raw.request(GET, (1, 0, 1), accept=codec.TEXT).payload
        tap(now == b"600", "and changes nothing", repr(now))


def silence():
    """A server that never answers, then one that answers nonsense."""
    port = free_port()
    raw = RawServer(port)
    stack = Stack(f"coap://127.0.0.1:{port}").start()
    try:
        got = raw.receive(60)
        first = got[0] if got else None
        tap(first is not None and first.code == POST, "it registers")
        # wrong tokens, wrong ids, wrong sort of code: none is an answer
        for change in ({"token": b"other"}, {"mid": first.mid ^ 1}, {"code": aiocoap.POST}):
            words = {"code": aiocoap.CREATED, "mid": first.mid, "token": first.token,
                     "mtype": ACK, "location_path": ["rd", "x"], **change}
            raw.sock.sendto(aiocoap.Message(**words).encode(), got[2])
        again = raw.receive(60)
        tap(again is not None and again[0].mid == first.mid and again[0].code == POST,
            "an answer of another token or number is none: the Register is sent again")
        raw.reply(first, got[2], aiocoap.FORBIDDEN)
        line = wait_until(lambda: next((x for x in stack.text("semd.log").splitlines()
                                        if "4.03" in x), None), 60, "a line about the refusal")
        tap("test: " in line and "next try" in line, "a refusal is one line: who, what, when again", line)
        tap(stack.semd.poll() is None, "semd is there")
    finally:
        stack.stop_semd()
        raw.close()
        stack.stop()
        stack.remove()


def secrets():
    """A key is nowhere but in files that nobody else can read."""
    port = free_port()
    stack = Stack(f"coaps://127.0.0.1:{port}", {"semd.log_level": "debug"})
    stack.set.update({"server.psk_identity": "me", "server.psk_file": stack.path("psk")})
    fd = os.open(stack.path("psk"), os.O_CREAT | os.O_WRONLY, 0o600)
    with os.fdopen(fd, "w") as f:
        f.write(KEY.hex() + "\n")
    peer = subprocess.Popen(["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-nocert", "-psk",
                             "00" * 16, "-psk_identity", "me", "-cipher", "PSK-CHACHA20-POLY1305", "-quiet"],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_bound(port)
    stack.write_config()
    core = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (core[1], core[1]))
    os.umask(0)     # what semd inherits must not matter
    try:
        stack.start()
        wait_until(lambda: "test: " in stack.text("semd.log"), 60, "a line about the server")
        line = next(x for x in stack.text("semd.log").splitlines() if "test: " in x)
        tap("coaps://127.0.0.1" in line and "next try" in line, "no cipher in common: one line", line)
        pid = stack.semd.pid
        seen = stack.text("semd.log").encode()
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as f:
                seen += f.read()
        tap(not any(s in seen for s in (KEY, KEY.hex().encode(), KEY.hex().upper().encode())),
            "the key is in no log, no argument, no environment")
        with open(f"/proc/{pid}/limits", encoding="utf-8") as f:
            core = next(x for x in f if x.startswith("Max core file size"))
        tap(core.split()[4] == "0", "there is no core dump", " ".join(core.split()))
        loose = [e.name for e in os.scandir(stack.state_dir)
                 if stat.S_IMODE(e.stat().st_mode) & 0o077 and e.is_file()]
        tap(not loose, "nothing in state_dir is for others to read", " ".join(loose))
    finally:
        os.umask(0o022)
        peer.kill()
        peer.wait()
        stack.stop()
        stack.remove()


def setup():
    """What is wrong where the device is set up: one line, and what to try."""
    stack = Stack("coap://127.0.0.1:9")

    def ends(name, *words):
        stack.write_config()
        os.chmod(stack.state_dir, 0o700)
        p = subprocess.run([os.path.join(OUT, "semd"), f"--config={stack.config}"], capture_output=True, text=True,
                           timeout=60, check=False)
        line = next((x for x in p.stderr.splitlines() if "error" in x), "")
        tap(p.returncode == 1 and all(w in line for w in words), name, line)

    try:
        stack.write_config()
        for name in ("lwm2m.db", "content.db"):
            db = os.path.join(stack.state_dir, name)
            for path in glob.glob(db + "*"):
                os.unlink(path)
            with open(db, "wb") as f:
                f.write(random.Random(3).randbytes(20000))
            ends(f"{name} of noise", db, "moved away")
            os.unlink(db)
            os.mkdir(db)
            ends(f"{name} is a directory", db)
            os.rmdir(db)
        stack.set = {"server.uri": "coaps://127.0.0.1:9", "server.psk_identity": "me",
                     "server.psk": KEY.hex()}
        ends("a key where its place belongs", "semd.conf:", "psk=", "vault")
        stack.set["server.psk"] = None
        for name, mode, words in (("others can read", 0o644, "chmod 600"), ("no hex", 0o600, "hex digits")):
            with open(stack.path("psk"), "w", encoding="utf-8") as f:
                f.write("no key")
            os.chmod(stack.path("psk"), mode)
            stack.set["server.psk_file"] = stack.path("psk")
            ends(f"a key file: {name}", "[server test]", stack.path("psk"), words)
        stack.set = {"server.uri": "coaps://127.0.0.1:9", "server.key": stack.path("psk"),
                     "server.server_key": stack.path("psk")}
        ends("a private key that is none", "[server test]", stack.path("psk"), "no private key")
        stack.set = {"server 2.uri": "coap://127.0.0.1:9", "server 2.endpoint": "x", "server 2.ssid": "101"}
        ends("two servers with one short server id", "semd.conf:", "[server 2]", "ssid=")
    finally:
        stack.remove()


def main():
    tests = (setup, secrets, silence, stale, bodies, floods)
    for test in tests:
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            started = time.monotonic()
            print(f"# {test.__name__}", flush=True)
            try:
                test()
            except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
                tap(False, test.__name__, f"{type(e).__name__}: {e}")
            print(f"# {test.__name__}: {time.monotonic() - started:.1f} s", flush=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
