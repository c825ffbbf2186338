#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Leshan's server and bootstrap server drive semd: every operation in every format that
they have, PSK, certificates, raw public keys, composite operations, Send, bootstrap,
queue mode. See leshan-peer.sh. Prints TAP.

    leshan-peer.py --control PORT --coap PORT --coaps PORT … [PART…]
"""

import argparse
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import gp  # noqa: E402
import script  # noqa: E402
from leshan_link import Leshan, values  # noqa: E402
from stack import OUT, Stack  # noqa: E402
from tap import tap  # noqa: E402

TEXT, OPAQUE, CBOR, SENML_JSON, SENML_CBOR, TLV, JSON = 0, 42, 60, 110, 112, 11542, 11543
NAMES = {TEXT: "text", OPAQUE: "opaque", CBOR: "CBOR", SENML_JSON: "SenML JSON",
         SENML_CBOR: "SenML CBOR", TLV: "TLV", JSON: "LwM2M JSON"}
ALL = (SENML_JSON, SENML_CBOR, TLV, JSON)
SE, SCRIPT = "/26241/0", "/26242"
KEY = b"a key for tests!"


def reads(leshan):
    for f in (TEXT, CBOR, *ALL):
        a = leshan("read", f"{SE}/0", f)
        tap(a.code == "205" and values(a.text) == {f"{SE}/0": "se0"}, f"Read a string, {NAMES[f]}",
            f"{a}")
    for f in ALL:
        a = leshan("read", SE, f)
        got = values(a.text)
        tap(a.code == "205" and got.get(f"{SE}/0") == "se0" and f"{SE}/4" in got,
            f"Read an instance, {NAMES[f]}", f"{a.code} {len(got)} values")
        a = leshan("read", "/26241", f)
        got = values(a.text)
        tap(a.code == "205" and got.get(f"{SE}/0") == "se0", f"Read an object, {NAMES[f]}",
            f"{a.code} {len(got)} values")
    a = leshan("read", f"{SE}/5", OPAQUE)
    tap(a.code == "205" and len(values(a.text).get(f"{SE}/5", "")) > 8, "Read octets, opaque", f"{a}")
    a = leshan("read", f"{SE}/0", OPAQUE)
    tap(a.code == "406", "a format that does not fit is 4.06", f"{a}")
    a = leshan("read", f"{SE}/99", TLV)
    tap(a.code == "404", "Read of what is not there is 4.04", f"{a}")
    a = leshan("read", "/0/0/5", TLV)
    tap(a.code in ("401", "404"), "object 0 is not shown", f"{a}")


def writes(leshan):
    a = leshan("create", SCRIPT, TLV, 7, "13=i:60")
    tap(a.code == "201", "Create", f"{a}")
    where = f"{SCRIPT}/7"
    for n, f in enumerate((TEXT, CBOR, *ALL)):
        a = leshan("write", f"{where}/13", f, f"i:{100 + n}")
        b = leshan("read", f"{where}/13", TLV)
        tap(a.code == "204" and values(b.text) == {f"{where}/13": str(100 + n)},
            f"Write an integer, {NAMES[f]}", f"{a} {b.text}")
    for n, f in enumerate(ALL):
        a = leshan("update", where, f, f"13=i:{200 + n}", "12=b:true")
        b = values(leshan("read", where, TLV).text)
        tap(a.code == "204" and b.get(f"{where}/13") == str(200 + n), f"partial Write, {NAMES[f]}",
            f"{a}")
    a = leshan("write", f"{where}/1", OPAQUE, "o:A000000151000000")
    tap(a.code == "204", "Write octets, opaque", f"{a}")
    a = leshan("write", f"{where}/4", TEXT, "i:1")
    tap(a.code == "405", "Write of what is read only is 4.05", f"{a}")
    a = leshan("write", f"{where}/13", TEXT, "i:-5")
    tap(a.code == "400", "Write of a value out of range is 4.00", f"{a}")
    a = leshan("delete", where)
    b = leshan("read", where, TLV)
    tap(a.code == "202" and b.code == "404", "Delete", f"{a} {b.code}")


def scripts(leshan):
    """A script block by block, observed, and its answer."""
    where = f"{SCRIPT}/0"
    leshan("execute", f"{where}/11")
    body = script.command_script([gp.get_data(0x42)] * 400)
    a = leshan("observe", f"{where}/4", TLV)
    tap(a.code == "205" and values(a.text) == {f"{where}/4": "0"}, "Observe", f"{a}")
    a = leshan("write", f"{where}/2", OPAQUE, f"o:{body.hex()}")
    tap(a.code == "204", f"Write of {len(body)} octets in blocks", f"{a}")
    since = leshan.mark()
    a = leshan("execute", f"{where}/3")
    e = leshan.event("notify", f"{where}/4=3", since)
    tap(a.code == "204" and e is not None, "Execute, and Notify when it is done", f"{a} {e}")
    a = leshan("read", f"{where}/7", OPAQUE)
    try:
        r = script.parse_response(bytes.fromhex(values(a.text)[f"{where}/7"]))
        tap(r.executed == 400, "Read of the response in blocks", f"{r.executed} executed")
    except (KeyError, ValueError) as e:
        tap(False, "Read of the response in blocks", f"{a.code} {a.text[:80]} {e!r}")
    a = leshan("cancel", f"{where}/4")
    tap(a.code in ("205", "204"), "Cancel the observation", f"{a}")
    leshan("execute", f"{where}/11")


def discovers(leshan):
    a = leshan("discover", "/26241")
    tap(a.code == "205" and "</26241/0/4>" in a.text, "Discover an object", a.text[:100])
    a = leshan("attributes", "/3/0/13", "pmin=1&pmax=60")
    b = leshan("discover", "/3/0/13")
    tap(a.code == "204" and "pmin=1" in b.text and "pmax=60" in b.text,
        "Write-Attributes, seen by Discover", f"{a} {b.text}")
    since = leshan.mark()
    leshan("attributes", "/3/0/13", "pmin=1&pmax=2")
    a = leshan("observe", "/3/0/13", SENML_CBOR)
    e = leshan.event("notify", "/3/0/13=", since)
    tap(a.code == "205" and e is not None, "pmax brings a notification", f"{a} {e}")
    leshan("cancel", "/3/0/13")
    leshan("attributes", "/3/0/13", "pmin&pmax")


def composites(leshan):
    for f in (SENML_JSON, SENML_CBOR):
        a = leshan("read-composite", f, f"{SE}/0", "/3/0/0", "/1/0/1")
        got = values(a.text)
        tap(a.code == "205" and got.get(f"{SE}/0") == "se0" and "/1/0/1" in got,
            f"Read-Composite, {NAMES[f]}", f"{a}")
        n = 400 + f
        a = leshan("write-composite", f, f"/1/0/1=i:{n}", f"{SCRIPT}/0/13=i:{n}")
        b = values(leshan("read", "/1/0/1", TLV).text)
        c = values(leshan("read", f"{SCRIPT}/0/13", TLV).text)
        tap(a.code == "204" and b == {"/1/0/1": str(n)} and c == {f"{SCRIPT}/0/13": str(n)},
            f"Write-Composite, {NAMES[f]}", f"{a} {b} {c}")
        paths = (f"{SCRIPT}/0/13", "/1/0/2")
        a = leshan("observe-composite", f, *paths)
        since = leshan.mark()
        leshan("write", f"{SCRIPT}/0/13", TEXT, f"i:{n + 1}")
        e = leshan.event("notify", f"{SCRIPT}/0/13={n + 1}", since)
        b = leshan("cancel", *paths)
        tap(a.code == "205" and e is not None and b.code in ("204", "205"),
            f"Observe-Composite and its Cancel, {NAMES[f]}", f"{a} {e} {b}")
    leshan("write", "/1/0/1", TEXT, "i:300")


def sends(leshan, stack):
    """Values by Send, until Mute Send."""
    since = leshan.mark()
    done = sectl(stack, "server", "send", "test", "/3/0/13", f"{SE}/0")
    e = leshan.event("send", f"{SE}/0=se0", since)
    tap(e is not None, "Send", f"{e} {done}")
    a = leshan("write", "/1/0/23", TEXT, "b:true")
    done = sectl(stack, "server", "send", "test", f"{SE}/0")
    tap(a.code == "204" and done.returncode != 0 and "mute" in done.stderr.lower(),
        "Mute Send mutes", f"{a} {done.stderr.strip()}")
    leshan("write", "/1/0/23", TEXT, "b:false")


def sectl(stack, *words):
    return subprocess.run([os.path.join(OUT, "sectl"), f"--socket={stack.path('run')}/"
                           "io.sesame.Manager", *words], capture_output=True, text=True,
                          check=False, timeout=90)


PARTS = {"read": reads, "write": writes, "script": scripts, "discover": discovers,
         "composite": composites}


def registered(leshan, since, what, pattern=""):
    e = leshan.event("registered", pattern, since)
    return tap(e is not None, what, str(e))


def secret(stack, name, text):
    """A file that only we read; its path."""
    path = stack.path(name)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(text)
    return path


class Device:
    """A stack that is taken down, and its log shown if something failed meanwhile."""

    def __init__(self, leshan, uri, **server):
        self.leshan, self.failed = leshan, tap.failed
        self.stack = Stack(uri, {f"server.{k}": v for k, v in server.items()})

    def __enter__(self):
        self.since = self.leshan.mark()
        return self

    def __exit__(self, *_):
        status = self.stack.stop()
        tap(status == 0, "semd ends with status 0", str(status)) if status else None
        if tap.failed > self.failed:
            for line in self.stack.text("semd.log").splitlines()[-30:]:
                print(f"# semd: {line}")
        self.stack.remove()


def plain(leshan, opt):
    with Device(leshan, f"coap://127.0.0.1:{opt.coap}") as d:
        d.stack.start()
        if registered(leshan, d.since, "registration without security"):
            time.sleep(0.5)
            for name, part in PARTS.items():
                if not opt.parts or name in opt.parts:
                    part(leshan)
            if not opt.parts or "send" in opt.parts:
                sends(leshan, d.stack)


def secure(leshan, opt):
    """PSK, certificates, raw public keys; each reads something, and comes again resumed."""
    uri = f"coaps://127.0.0.1:{opt.coaps}"
    pki = os.path.abspath(opt.pki)
    with open(f"{pki}/device.pub.der", "rb") as f:
        public = f.read().hex()
    ways = {
        "PSK": (("psk", "sesame", KEY.hex()), {"psk_identity": "sesame"}),
        "X.509": (("x509",), {"security": "x509", "key": f"{pki}/device.key",
                              "cert": f"{pki}/device.pem", "server_cert": f"{pki}/server.pem",
                              "cert_usage": "domain"}),
        "RPK": (("rpk", public), {"security": "rpk", "key": f"{pki}/device.key",
                                  "server_key": f"{pki}/server.pub.der"}),
    }
    for name, (info, server) in ways.items():
        leshan("forget")
        a = leshan("security", *info)
        with Device(leshan, uri, **server) as d:
            if name == "PSK":
                d.stack.set["server.psk_file"] = secret(d.stack, "psk", KEY.hex())
            d.stack.start()
            if not registered(leshan, d.since, f"registration with {name}", "coaps"):
                tap(False, f"{name}: Leshan took the account", str(a))
                continue
            b = leshan("read", f"{SE}/0", SENML_CBOR)
            tap(b.code == "205", f"{name}: Read", f"{b}")
            since = leshan.mark()
            d.stack.stop_semd(signal.SIGKILL)
            d.stack.start_semd()
            e = leshan.event("updated", "", since)
            b = leshan("read", f"{SE}/0", SENML_CBOR)
            tap(e is not None and b.code == "205",
                f"{name}: after kill -9 an Update, and no new registration", f"{e} {b}")
    leshan("forget")


def bootstraps(leshan, opt):
    """From Leshan's bootstrap server to its management server."""
    target = f"coap://127.0.0.1:{opt.coap}"
    for name, uri, server in (
            ("without security", f"coap://127.0.0.1:{opt.bootstrap}", {}),
            ("with PSK", f"coaps://127.0.0.1:{opt.bootstrap_secure}", {"psk_identity": "boot"})):
        leshan("forget")
        leshan("bootstrap-config", target, 123, 240)
        if server:
            leshan("bootstrap-security", "psk", "boot", KEY.hex())
        with Device(leshan, uri, bootstrap="yes", ssid=None, lifetime=None, **server) as d:
            d.stack.set["lwm2m.allow_nosec"] = "yes"
            if server:
                d.stack.set["server.psk_file"] = secret(d.stack, "psk", KEY.hex())
            d.stack.start()
            e = leshan.event("bootstrap", "ended", d.since)
            tap(e is not None, f"bootstrap {name}", str(e))
            if registered(leshan, d.since, f"registration after bootstrap {name}"):
                b = leshan("read", "/1/0/0", TLV)
                tap(values(b.text) == {"/1/0/0": "123"}, "with the server's short id", f"{b}")
                since = leshan.mark()
                c = leshan("execute", "/1/0/9")
                e = leshan.event("bootstrap", "ended", since)
                tap(c.code == "204" and e is not None, "and again, asked by the server", f"{c} {e}")


def queue(leshan, opt):
    """A device that sleeps: requests wait until it is awake."""
    with Device(leshan, f"coap://127.0.0.1:{opt.coap}", binding="UQ") as d:
        d.stack.start()
        if registered(leshan, d.since, "registration in queue mode", "queue"):
            a = leshan("read", f"{SE}/0", TLV)
            tap(a.code == "205", "awake, it is read", f"{a}")
            e = leshan.event("awake", "", d.since)
            tap(e is not None, "Leshan knows that it is awake", str(e))


def main():
    whole = {"secure": secure, "bootstrap": bootstraps, "queue": queue}
    p = argparse.ArgumentParser()
    for name in ("control", "coap", "coaps", "bootstrap", "bootstrap-secure"):
        p.add_argument(f"--{name}", type=int, required=True)
    p.add_argument("--pki", required=True)
    p.add_argument("parts", nargs="*", help=", ".join([*PARTS, "send", *whole]))
    opt = p.parse_args()
    leshan = Leshan(opt.control)
    if not opt.parts or {*PARTS, "send"} & set(opt.parts):
        plain(leshan, opt)
    for name, part in whole.items():
        if not opt.parts or name in opt.parts:
            part(leshan, opt)
    leshan.close()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
