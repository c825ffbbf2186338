#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sectl in the hands of people: Ctrl-C, narrow terminals, files in the way, full disks.

What a person would complain of, one case each, against softse on a socket: what is left
behind, what is said to be tried next, what is readable by others. TAP on stdout.
"""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from card_relay import Hold, Relay  # noqa: E402
from stack import OUT, TOP, wait_until  # noqa: E402

SECTL = os.path.join(OUT, "sectl")
KEYS = """[keyset isd]
type=aes
kvn=30
enc=404142434445464748494A4B4C4D4E4F
mac=404142434445464748494A4B4C4D4E4F
dek=404142434445464748494A4B4C4D4E4F
[keyset absent]
type=aes
kvn=31
enc=00112233445566778899AABBCCDDEEFF
mac=102132435465768798A9BACBDCEDFE0F
dek=2031425364758697A8B9CADBECFD0E1F
"""
PACKAGE, APPLET = "F0534553414D4501", "F0534553414D450101"

count = failed = 0


def result(ok, what, detail=""):
    global count, failed
    count += 1
    print(f"{'ok' if ok else 'not ok'} {count} - {what}", flush=True)
    if not ok:
        failed += 1
        for line in str(detail).splitlines()[:20]:
            print(f"# {line}")


class World:
    """A folder with keys, packages and cards of given slowness."""

    def __init__(self, folder):
        self.folder = folder
        self.cards = {}
        with open(self.path("keys"), "w", encoding="ascii") as f:
            f.write(KEYS)
        os.chmod(self.path("keys"), 0o600)
        subprocess.run([sys.executable, os.path.join(TOP, "selftests/server/cap.py"),
                        self.path("w.cap"), PACKAGE, APPLET], check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def card(self, name, work_ms=0):
        self.cards[name] = subprocess.Popen(
            [os.path.join(OUT, "softse"), f"--apdu-socket={self.path(name)}", "--no-fsync",
             f"--work-ms={work_ms}", f"--log={self.path(name + '.log')}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.path(name)), 60, f"the card {name}")

    def end(self):
        for p in self.cards.values():
            p.kill()
            p.wait()

    def line(self, words, card="card", keyset="isd", state="state"):
        a = [SECTL, *words, f"--state-dir={self.path(state)}"]
        if card:
            a += [f"--se=socket:{self.path(card)}", f"--keys=file:{self.path('keys')}"]
        return a + ([f"--keyset={keyset}"] if keyset and card else [])

    def run(self, *words, **how):
        r = subprocess.run(self.line(words, **how), stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=60, check=False)
        return r.returncode, r.stdout, r.stderr

    def plans(self, state="state"):
        rc, out, err = self.run("plan", "list", "--json", card=None, state=state)
        assert rc == 0, err
        return json.loads(out)["result"]["plans"]


def on_terminal(argv, columns):
    """Runs argv on a terminal that wide; what the lines on it were, redrawn ones as well."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    p = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs,
                         env={**os.environ, "TERM": "xterm"}, start_new_session=True)
    os.close(theirs)
    data = b""
    while True:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                more = os.read(ours, 65536)
            except OSError:
                break
            if not more:
                break
            data += more
    p.wait()
    os.close(ours)
    return p.returncode, re.split(r"\r\x1b\[K|\r\n", data.decode())


def status(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(line.split()[1] for line in f if line.startswith(f"{field}:"))


def cut(w, card, ins, sig, *words):
    """Sends @sig to sectl while it waits for the answer to its first command @ins. The answer
    comes when sectl has had the signal: it cuts a wait short, and no wait is cut short that
    has not begun or has its answer already."""
    hold = Hold(ins)
    relay = Relay(w.path("relay"), w.path(card), hold)
    p = subprocess.Popen(w.line(words, card="relay"), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: p.poll() is not None or
               hold.reached.is_set() and status(p.pid, "State") == "S", 60, f"INS {ins:02X}")
    p.send_signal(sig)
    wait_until(lambda: p.poll() is not None or not int(status(p.pid, "ShdPnd"), 16), 60,
               f"{sig.name} taken")
    hold.go.set()
    out, err = p.communicate(timeout=60)
    relay.stop()
    os.unlink(relay.path)
    return p.returncode, out, err


def signals(w):
    rc, out, err = cut(w, "other", 0x82, signal.SIGINT, "app", "list")
    _, attempts, _ = w.run("key", "attempts", "--json", card=None)
    states = [a["state"] for a in json.loads(attempts)["result"]["attempts"]]
    result(rc == 1 and states == ["success"],
           "Ctrl-C in EXTERNAL AUTHENTICATE: the attempt's end is known", f"{rc} {err}{states}")
    rc, out, err = w.run("app", "list", card="other")
    result(rc == 0, "and the next attempt is not held back", err)

    for sig in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        rc, out, err = cut(w, "other", 0xE8, sig, "app", "install", w.path("w.cap"),
                           "--block-size=32")
        plans = w.plans()
        found = re.search(r"sectl plan resume ([0-9a-f-]+), or sectl plan rollback \1", err)
        result(rc == 1 and found and [p["id"] for p in plans] == [found[1]],
               f"{sig.name} in a load: kept, and the hint has its name", f"{rc} {err}{plans}")
        rc, out, err = w.run("plan", "rollback", found[1] if found else "0", card="other",
                             keyset=None)
        result(rc == 0, "rollback of it", err)
        w.run("plan", "forget", found[1] if found else "0", card=None)
    p = subprocess.run(["nohup", *w.line(["app", "list"], card="other")],
                       stdin=subprocess.DEVNULL, capture_output=True, check=False)
    result(p.returncode == 0, "under nohup", p.stderr)


def left_behind(w):
    rc, _, err = w.run("app", "lock", APPLET, state="tidy")
    result(rc == 4 and not w.plans("tidy"), "a plan that sent nothing is not kept", f"{rc} {err}")
    rc, _, err = w.run("app", "delete", APPLET, state="tidy")
    result(rc == 0 and not w.plans("tidy"), "nor one of what was so already", err)
    rc, _, err = w.run("app", "install", w.path("w.cap"), "--module=F0534553414D450199",
                       state="tidy")
    result(rc == 2 and "F0534553414D450199" in err and not w.plans("tidy"),
           "a module that is not in the file is told before anything is sent", f"{rc} {err}")
    rc, _, err = w.run("package", "load", w.path("w.cap"), state="tidy")
    result(rc == 0 and len(w.plans("tidy")) == 1, "a plan that can be taken back is kept", err)
    rc, _, err = w.run("package", "load", w.path("w.cap"), state="tidy")
    result(rc == 4 and "app list --all" in err, "a package that is there: what to try", err)
    rc, _, err = w.run("app", "install", w.path("w.cap"), state="tidy")
    result(rc == 0, "app install loads if need be", err)
    before = w.plans("tidy")
    rc, _, err = w.run("app", "install", w.path("w.cap"), state="tidy")
    result(rc == 4 and w.plans("tidy") == before, "a second time: nothing done, nothing kept",
           f"{rc} {err}")
    rc, _, err = w.run("app", "install", PACKAGE, state="tidy")
    result(rc == 2 and "--module" in err, "of a package: --module is asked for", err)
    rc, _, err = w.run("app", "delete", APPLET, state="tidy")
    rc, _, err = w.run("app", "install", PACKAGE, f"--module={APPLET}", state="tidy")
    result(rc == 0, "of a package, its module's AID", err)
    rc, _, err = w.run("app", "list", "--sd=F05345FFFF", state="tidy")
    result(rc == 3 and "F05345FFFF" in err, "a domain that is not there has its name said", err)
    rc, _, err = w.run("app", "list", keyset="absent", state="tidy")
    result(rc == 3 and "31" in err and "key list" in err,
           "a key version that is not there has its number said", err)
    secret = b"PERSONALISED"
    with open(w.path("perso"), "wb") as f:
        f.write(secret)
    w.run("store-data", w.path("perso"), state="tidy")
    with open(w.path("t.pcapng"), "wb"):
        os.chmod(w.path("t.pcapng"), 0o644)
    w.run("store-data", w.path("perso"), "--level=mac", "--show-payload",
          f"--trace={w.path('t.pcapng')}", state="tidy")
    mode = os.stat(w.path("t.pcapng")).st_mode & 0o777
    result(mode == 0o600, "a capture that was there is closed to others", oct(mode))


def files(w):
    for words, words_wanted, status in (
            (["key", "attempts"], "--state-dir=PATH", (1, 4)),
            (["app", "list"], "--state-dir=PATH", (1, 4))):
        rc, _, err = w.run(*words, card="card" if words[0] == "app" else None,
                           state="keys/x")
        result(rc in status and words_wanted in err, f"no state folder: {' '.join(words)}", err)
    r = subprocess.run([SECTL, "plan", "list", "--state-dir="], capture_output=True, text=True,
                       check=False)
    result(r.returncode == 2, "--state-dir= without a folder", r.stderr)
    rc, out, _ = w.run("key", "attempts", card=None, state="fresh")
    result(rc == 0 and out == "no attempts\n", "no attempts, and it says so", out)
    info = [SECTL, "cap", "info", w.path("w.cap")]
    r = subprocess.run([*info, "--hash=md5"], capture_output=True, text=True, check=False)
    result(r.returncode == 2 and "sha256" in r.stderr, "cap info: no such hash", r.stderr)
    r = subprocess.run([*info, "--hash=sha512"], capture_output=True, text=True, check=False)
    result(re.search(r"^sha512 +[0-9A-F]{128}$", r.stdout, re.M) and "sha1 " not in r.stdout,
           "cap info: the hash that was asked for", r.stdout)
    with open(w.path("t.txt"), "w", encoding="ascii") as f:
        f.write("0020008108313233343FFFFFFF\n")
    r = subprocess.run([SECTL, "script", "convert", w.path("t.txt"), "--to=expanded",
                        f"--output={w.path('t.bin')}"], check=False)
    mode = os.stat(w.path("t.bin")).st_mode & 0o777
    result(r.returncode == 0 and mode == 0o600, "a script may have a PIN: for its owner only",
           oct(mode))
    for name, data in ("bad.cap", b"nothing of that kind"), ("bad.json", b"{"):
        with open(w.path(name), "wb") as f:
            f.write(data)
    rc, _, err = w.run("package", "load", w.path("bad.cap"))
    result(rc != 0 and "bad.cap" in err, "a file that is no package is named", err)
    r = subprocess.run([SECTL, "plan", "show", w.path("bad.json")], capture_output=True,
                       text=True, check=False)
    result(r.returncode == 2 and "bad.json" in r.stderr, "a file that is no plan is named",
           r.stderr)
    with open("/dev/full", "w", encoding="ascii") as full:
        r = subprocess.run([SECTL, "help"], stdout=full, stderr=subprocess.PIPE, text=True,
                           check=False)
    result(r.returncode == 1 and "No space left" in r.stderr, "a full disk behind >", r.stderr)
    for words, hint in ((["frob", "list"], "sectl --help"), (["app"], "sectl app --help"),
                        (["app", "frob"], "sectl app --help"),
                        (["app", "list", "--frob"], "sectl app list --help"),
                        (["app", "list", "--count=1"], "sectl app list --help"),
                        (["info", "/dev/null"], "sectl list"),
                        (["info", f"socket:{w.path('w.cap')}"], "softse")):
        r = subprocess.run([SECTL, *words], capture_output=True, text=True, check=False)
        result(r.returncode in (2, 3, 5) and "Try: " in r.stderr and hint in r.stderr,
               f"the hint of: sectl {' '.join(words).replace(w.folder, 'DIR')}", r.stderr)


def terminals(w):
    w.card("slow", 40)  # a bar is drawn after half a second
    for columns in 30, 50, 80:
        rc, lines = on_terminal(w.line(["app", "install", w.path("w.cap"), "--block-size=32"],
                                       card="slow"), columns)
        bars = [s for s in lines if "%" in s]
        result(rc == 0 and bars and max(map(len, bars)) < columns,
               f"{columns} columns: the bar stays in its line", lines)
        w.run("package", "delete", PACKAGE, "--related", card="slow")
    rc, lines = on_terminal(w.line(["card", "status"]), 60)
    over = [s for s in lines if len(s) > 60 and "warning" not in s]
    result(rc == 0 and not over and any("CardTerminate" in s for s in lines),
           "card status is folded, not cut", over)
    _, out, _ = w.run("key", "attempts", "--no-legend", card=None)
    rc, lines = on_terminal(w.line(["key", "attempts"], card=None), 60)
    entry = out.split()[-1]
    result(any(s.endswith(entry) for s in lines), "an entry can be copied from any terminal",
           lines)


def main():
    for sig in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        if signal.getsignal(sig) == signal.SIG_IGN:
            signal.signal(sig, signal.SIG_DFL)  # in a job of a script, or under nohup
    folder = tempfile.mkdtemp(prefix="care-")
    w = World(folder)
    try:
        w.card("card")
        w.card("other")
        signals(w)
        left_behind(w)
        files(w)
        terminals(w)
    finally:
        w.end()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
