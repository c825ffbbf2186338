#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sectl and the keys of a card, against the software SE: rotation, wrong and
diversified keys, keys in a token, security domains with keys of their own, and the
attempt ledger. What sectl may not do is read off the card's own log: a wrong key set
sends no EXTERNAL AUTHENTICATE. Prints TAP; run inside the Debian 13 root.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from card_relay import Hold, Relay  # noqa: E402
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES  # noqa: E402
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: E402
from cryptography.hazmat.primitives.cmac import CMAC  # noqa: E402
from stack import OUT, TOP, wait_until  # noqa: E402
from tap import tap  # noqa: E402

OK, FAILED, USAGE, NOT_FOUND, REFUSED, CARD = 0, 1, 2, 3, 4, 7
DEFAULT = "404142434445464748494A4B4C4D4E4F"
SSD = "F053455341534401"
SSD2 = "F053455341534402"
KDD = "00010203040506070809"
HSM = "/usr/lib/softhsm/libsofthsm2.so"


def key(n, size=16):
    """The n-th key of the test: nobody else's, so that finding it is a leak."""
    return bytes((n * 29 + i * 83 + 7) & 0xff for i in range(size)).hex().upper()


class Card:
    """softse on a socket, sectl to it, and what passed between them."""

    running = []

    def __init__(self, folder, name, keys=None, *options):
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.path = self.file("se")
        self.log = self.file("apdu.log")
        self.said = ""
        args = [os.path.join(OUT, "softse"), f"--apdu-socket={self.path}", f"--log={self.log}",
                "--no-fsync", f"--profile={self.put('profile', f'kdd = {KDD}')}", *options]
        if keys:
            args.append(f"--keys={self.put('card.keys', keys)}")
        self.process = subprocess.Popen(args, stdout=subprocess.DEVNULL)
        self.running.append(self.process)
        wait_until(lambda: os.path.exists(self.path), 10, "softse's socket")

    def file(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, text):
        with open(self.file(name), "w", encoding="ascii",
                  opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        return self.file(name)

    def command(self, *args, se=None):
        return [os.path.join(OUT, "sectl"), *args, f"--se={se or 'socket:' + self.path}",
                f"--state-dir={self.file('state')}"]

    def sectl(self, *args, se=None, **kw):
        """(exit status, what it said)"""
        r = subprocess.run(self.command(*args, se=se), stdin=subprocess.DEVNULL, text=True,
                           capture_output=True, timeout=60, **kw)
        self.said += r.stdout + r.stderr
        return r.returncode, r.stdout + r.stderr

    def json(self, *args):
        r = subprocess.run(self.command(*args, "--json"), stdin=subprocess.DEVNULL, text=True,
                           capture_output=True, timeout=60)
        self.said += r.stdout + r.stderr
        return json.loads(r.stdout)

    def attempts(self):
        """How many EXTERNAL AUTHENTICATE the card has seen."""
        with open(self.log, encoding="utf-8") as f:
            return sum(line.split()[3][2:4] == "82" for line in f)

    def ledger(self):
        r = subprocess.run([os.path.join(OUT, "sectl"), "key", "attempts", "--json",
                            f"--state-dir={self.file('state')}"], text=True,
                           capture_output=True, timeout=20)
        return json.loads(r.stdout)["result"]["attempts"]

    def forget(self, what):
        return subprocess.run([os.path.join(OUT, "sectl"), "key", "forget", what,
                               f"--state-dir={self.file('state')}"], text=True,
                              capture_output=True, timeout=20).returncode

    def close(self):
        self.process.terminate()
        self.process.wait(10)


def check(good, name, said=""):
    """tap(), with what was said if it is bad."""
    return tap(good, name, "" if good else " | ".join(said.split("\n"))[:900])


def keyset(name, kind, kvn, *keys):
    return (f"[keyset {name}]\ntype={kind}\nkvn={kvn}\n" +
            "".join(f"{n}={k}\n" for n, k in zip(("enc", "mac", "dek"), keys)))


def kvns(card):
    return sorted({k["kvn"] for k in card.json("key", "list")["result"]["keys"]})


def test_rotation(folder):
    card = Card(folder, "rotation")
    sets = card.put("sets", keyset("one", "aes", "30", key(1), key(2), key(3)) +
                    keyset("two", "aes", "31", key(4), key(5), key(6)) +
                    keyset("same", "aes", "30", key(7), key(7), key(7)) +
                    keyset("wide", "aes", "32", key(8, 32), key(9, 32), key(10, 32)))
    check(kvns(card) == [0x30], "key list: the default version 30")
    rc, said = card.sectl("key", "put", "one", "--replace=30", "--keyset=default",
                          "--keys=default", f"--keys={sets}")
    check(rc == OK and "DEFAULT KEY" in said, "AES to AES in place, three different keys", said)
    before = card.attempts()
    rc, said = card.sectl("app", "list", "--keys=default")
    check(rc == REFUSED and card.attempts() == before,
        "the old keys open nothing, and were not tried", said)
    rc, said = card.sectl("app", "list", f"--keys={sets}", "--keyset=one")
    check(rc == OK and card.attempts() == before + 1, "the new ones do", said)
    rc, said = card.sectl("key", "put", "two", "--keyset=one", f"--keys={sets}")
    check(rc == OK and kvns(card) == [0x30, 0x31], "a second version beside it", said)
    rc, said = card.sectl("key", "put", "wide", "--keyset=two", f"--keys={sets}")
    check(rc == OK and kvns(card) == [0x30, 0x31, 0x32], "AES-256 put by AES-128", said)
    rc, said = card.sectl("app", "list", f"--keys={sets}", "--keyset=wide")
    check(rc == OK, "and a channel with them", said)
    rc, said = card.sectl("key", "delete", "31", "--keyset=wide", f"--keys={sets}")
    check(rc == OK and kvns(card) == [0x30, 0x32], "one version deleted", said)
    rc, said = card.sectl("key", "put", "same", "--replace=30", "--keyset=wide",
                          f"--keys={sets}")
    check(rc == OK, "replaced by three equal keys", said)
    rc, said = card.sectl("app", "list", f"--keys={sets}", "--keyset=same")
    check(rc == OK, "which open it", said)
    rc, said = card.sectl("key", "put", "nobody", "--keyset=same", f"--keys={sets}")
    check(rc == NOT_FOUND, "a key set that is nowhere", said)
    before = card.attempts()
    rc, said = card.sectl("key", "put", "two", "--keyset=same", f"--keys={sets}", "-n")
    check(rc == OK and "PUT KEY" in said and key(4) not in said and card.attempts() == before,
        "a dry run shows PUT KEY, sends nothing and tells no key", said)
    rc, said = card.sectl("key", "put", "two", f"--keys={sets}")
    check(rc == USAGE and "--keyset" in said, "which of several opens it has to be said", said)
    card.close()
    return card


def test_des(folder):
    card = Card(folder, "des", f"kvn 20 des\n{key(11)}\n{key(12)}\n{key(13)}\n")
    sets = card.put("sets", keyset("old", "des", "20", key(11), key(12), key(13)) +
                    keyset("new", "aes", "30", key(14), key(15), key(16)) +
                    keyset("des2", "des", "21", key(17), key(18), key(19)))
    rc, said = card.sectl("app", "list", f"--keys={sets}", "--keyset=old")
    check(rc == OK, "SCP02", said)
    rc, said = card.sectl("key", "put", "des2", "--keyset=old", f"--keys={sets}")
    check(rc == OK and kvns(card) == [0x20, 0x21], "3DES to 3DES", said)
    rc, said = card.sectl("key", "put", "new", "--keyset=des2", f"--keys={sets}")
    check(rc == OK and 0x30 in kvns(card), "3DES to AES", said)
    rc, said = card.sectl("key", "delete", "20", "--keyset=new", f"--keys={sets}")
    check(rc == OK and 0x20 not in kvns(card), "the old version is deleted over SCP03", said)
    card.close()
    plain = Card(folder, "plain", f"kvn 20 des\n{DEFAULT}\n")
    rc, said = plain.sectl("app", "list", "--keys=default")
    check(rc == OK and "DEFAULT KEY" in said, "the default key on a card that wants DES", said)
    plain.close()
    return card


def triple_des(master, data):
    k = bytes.fromhex(master)
    e = Cipher(TripleDES(k + k[:8]), modes.ECB()).encryptor()
    return e.update(data) + e.finalize()


def emv(master, kdd, n):
    d = kdd[4:10]
    return triple_des(master, d + bytes([0xf0, n]) + d + bytes([0x0f, n]))


def visa2(master, kdd, n):
    d = kdd[0:2] + kdd[4:8]
    return triple_des(master, d + bytes([0xf0, n]) + d + bytes([0x0f, n]))


def kdf3(master, kdd, n):
    c = CMAC(algorithms.AES(bytes.fromhex(master)))
    c.update(bytes([1, 0, 0, 0, n, 0]) + kdd)
    return c.finalize()


def test_diversified(folder):
    cards = []
    kdd = bytes.fromhex(KDD)
    for method, fn, kind, kvn in (("emv", emv, "des", "20"), ("visa2", visa2, "des", "20"),
                                  ("kdf3", kdf3, "aes", "30")):
        master = key(20)
        head = f"kvn {kvn} des\n" if kind == "des" else ""
        card = Card(folder, method,
                    head + "".join(fn(master, kdd, n).hex() + "\n" for n in (1, 2, 3)))
        section = f"[keyset bank]\ntype={kind}\nkvn={kvn}\nmaster={master}\n"
        good = card.put("good", section + f"diversification={method}\n")
        rc, said = card.sectl("app", "list", f"--keys={good}")
        check(rc == OK, f"{method}: keys of a master key", said)
        before = card.attempts()
        bad = card.put("bad", section)
        rc, said = card.sectl("app", "list", f"--keys={bad}")
        check(rc == REFUSED and card.attempts() == before and method in said,
            f"{method}: without it nothing is sent, and the method that fits is named", said)
        other = card.put("other", keyset("other", kind, kvn, key(21), key(22), key(23)))
        rc, said = card.sectl("app", "list", "--keyset=other", f"--keys={other}",
                              f"--keys={good}")
        check(rc == REFUSED and card.attempts() == before and '"bank"' in said,
            f"{method}: of two key sets the one that fits is named", said)
        rc, said = card.sectl("app", "list", f"--keys={other}")
        check(rc == REFUSED and card.attempts() == before, f"{method}: no known key fits", said)
        check(all(a["state"] == "success" for a in card.ledger()),
            f"{method}: none of that is an attempt in the ledger")
        card.close()
        cards.append(card)
    return cards


def test_sources(folder):
    card = Card(folder, "sources", f"{key(24)}\n{key(25)}\n{key(26)}\n")
    text = keyset("isd", "aes", "30", key(24), key(25), key(26))
    path = card.put("isd", text)
    r, w = os.pipe()
    os.write(w, text.encode())
    os.close(w)
    rc, said = card.sectl("app", "list", f"--keys=fd:{r}", pass_fds=(r,))
    os.close(r)
    check(rc == OK, "keys from a descriptor", said)
    rc, said = card.sectl("app", "list", "--keys=credential:isd",
                          env=dict(os.environ, CREDENTIALS_DIRECTORY=card.folder))
    check(rc == OK, "keys from systemd's credentials", said)
    rc, said = card.sectl("app", "list", "--keys=credential:isd")
    check(rc == NOT_FOUND, "a credential outside of a unit", said)
    rc, said = card.sectl("app", "list", f"--keys={key(24)}")
    check(rc == USAGE and key(24) not in said, "a key as an argument is refused, not repeated",
          said)
    os.chmod(path, 0o644)
    rc, said = card.sectl("app", "list", f"--keys=file:{path}")
    check(rc == REFUSED and "chmod 600" in said, "a file that others can read", said)
    os.chmod(path, 0o600)
    wrong = card.put("wrong", text.replace("mac=", "mak="))
    rc, said = card.sectl("app", "list", f"--keys=file:{wrong}")
    check(rc == USAGE and f"{wrong}:5" in said, "a mistake is told with its line", said)
    rc, said = card.sectl("key", "delete", "31")
    check(rc == USAGE and "--keys" in said, "no keys at all", said)

    # a public key, for DAP blocks of others
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-out", card.file("dap.pem")], check=True,
                   stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "pkey", "-in", card.file("dap.pem"), "-pubout", "-out",
                    card.file("dap.pub")], check=True)
    dap = card.put("dap", "[key vendor]\nuse=dap\npublic=dap.pub\nkvn=73\nkid=1\n")
    rc, said = card.sectl("key", "put", "vendor", f"--keys={path}", f"--keys={dap}")
    check(rc == OK and 0x73 in kvns(card), "a public key for DAP blocks", said)
    card.close()
    return card


def refuses(command, answer):
    """For a Relay: the answer to EXTERNAL AUTHENTICATE is 6300."""
    return b"\x63\x00" if command[1] == 0x82 else answer


def test_ledger(folder):
    card = Card(folder, "ledger")
    liar = Relay(card.file("liar"), card.path, refuses)
    rc, said = card.sectl("app", "list", "--keys=default", se=f"socket:{liar.path}")
    check(rc == CARD and "6300" in said, "a card that refuses the authentication", said)
    entry = card.ledger()
    check(len(entry) == 1 and entry[0]["state"] == "failed" and entry[0]["attempts"] == 1 and
        entry[0]["kvn"] == 0x30, "is in the ledger", json.dumps(entry))
    before = card.attempts()
    rc, said = card.sectl("app", "list", "--keys=default")
    check(rc == REFUSED and card.attempts() == before and "retry" in said,
        "no second time, although it would succeed now", said)
    rc, said = card.sectl("app", "list", "--keys=default", "--retry-authentication",
                          se=f"socket:{liar.path}")
    check(rc == CARD and card.ledger()[0]["attempts"] == 2, "told to go on, it counts on", said)
    rc, said = card.sectl("app", "list", "--keys=default", "--retry-authentication")
    check(rc == OK and card.ledger()[0]["state"] == "success", "a success clears it", said)
    rc, said = card.sectl("app", "list", "--keys=default")
    check(rc == OK, "and the next needs no permission", said)

    path = os.path.join(card.file("state"), "attempts", entry[0]["entry"])
    with open(path, "r+b") as f:
        f.seek(30)
        f.write(b"\0")
    before = card.attempts()
    rc, said = card.sectl("app", "list", "--keys=default")
    check(rc == REFUSED and card.attempts() == before and "damaged" in said,
        "a damaged entry is not taken for none", said)
    check(card.forget(entry[0]["entry"]) == OK and card.ledger() == [], "until it is forgotten")
    check(card.forget("00") == NOT_FOUND, "one that is not there")
    rc, said = card.sectl("app", "list", "--keys=default")
    check(rc == OK, "and then it is a card never tried", said)
    card.close()


def amid_authentication(card):
    """(command that lists applications, its EXTERNAL AUTHENTICATE, which waits)"""
    hold = Hold(0x82)
    relay = Relay(card.file("hold"), card.path, hold)
    return card.command("app", "list", "--keys=default", se=f"socket:{relay.path}"), hold


def test_killed(folder):
    card = Card(folder, "killed")
    command, hold = amid_authentication(card)
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(hold.reached.is_set, 60, "EXTERNAL AUTHENTICATE")
    p.send_signal(signal.SIGKILL)
    p.wait()
    hold.go.set()
    entry = card.ledger()
    check(entry[0]["state"] == "unknown" and not entry[0]["running"],
        "killed at EXTERNAL AUTHENTICATE: the entry says unknown", json.dumps(entry))
    before = card.attempts()
    rc, said = card.sectl("app", "list", "--keys=default")
    check(rc == REFUSED and card.attempts() == before and "not known" in said,
        "and the next is refused", said)
    card.close()


def crash(command, folder, ready):
    """Ends it by SIGSEGV with cores allowed; did it leave one?"""
    os.mkdir(folder)

    def allow():
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))

    p = subprocess.Popen(command, cwd=folder, preexec_fn=allow, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ready()
    p.send_signal(signal.SIGSEGV)
    status = os.waitpid(p.pid, 0)[1]
    check(status != 0, f"{command[0].rpartition('/')[2]} is ended by SIGSEGV", f"{status:04x}")
    return os.WCOREDUMP(status) or bool(os.listdir(folder))


def test_core(folder):
    if not crash(["sleep", "120"], os.path.join(folder, "sleep"), lambda: None):
        tap.skip("no core with keys in it", "nothing leaves a core here")
        return
    card = Card(folder, "core")
    command, hold = amid_authentication(card)
    check(not crash(command, card.file("cwd"),
                    lambda: wait_until(hold.reached.is_set, 60, "EXTERNAL AUTHENTICATE")),
          "sectl that crashes amid the authentication leaves no core, as sleep does")
    hold.go.set()
    card.close()


def softhsm(folder, *keys):
    """A token with AES keys by label; its URI without object=."""
    conf = os.path.join(folder, "softhsm2.conf")
    os.mkdir(os.path.join(folder, "tokens"))
    with open(conf, "w", encoding="ascii") as f:
        f.write(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    env = dict(os.environ, SOFTHSM2_CONF=conf)
    run = {"env": env, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "sesame", "--so-pin",
                    "8765", "--pin", "1234"], **run)
    for i, (label, value) in enumerate(keys):
        raw = os.path.join(folder, "raw")
        with open(raw, "wb") as f:
            f.write(bytes.fromhex(value))
        subprocess.run(["pkcs11-tool", "--module", HSM, "--token-label", "sesame", "--login",
                        "--pin", "1234", "--write-object", raw, "--type", "secrkey",
                        "--key-type", "AES:16", "--label", label, "--id", f"{i + 1:02x}",
                        "--usage-sign", "--usage-decrypt", "--sensitive"], **run)
        os.unlink(raw)
    pin = os.path.join(folder, "pin")
    with open(pin, "w", encoding="ascii",
              opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write("1234\n")
    return env, lambda obj, more="": (f"pkcs11:token=sesame;object={obj}?module-path={HSM}"
                                      f"&pin-source=file:{pin}{more}")


def test_token(folder):
    if not os.path.exists(HSM):
        tap.skip("keys in a token", "no SoftHSM here")
        return None
    hsm = os.path.join(folder, "hsm")
    os.mkdir(hsm)
    env, uri = softhsm(hsm, ("isd-enc", key(30)), ("isd-mac", key(31)), ("isd-dek", key(32)),
                       ("kmc", key(33)))
    card = Card(folder, "token", f"{key(30)}\n{key(31)}\n{key(32)}\n")
    rc, said = card.sectl("app", "list", f"--keys={uri('isd')}", env=env)
    check(rc == OK, "SCP03 with keys that stay in the token", said)
    new = card.put("new", keyset("new", "aes", "31", key(34), key(35), key(36)))
    rc, said = card.sectl("key", "put", "new", "--keyset=isd", f"--keys={uri('isd')}",
                          f"--keys={new}", env=env)
    check(rc == OK and kvns(card) == [0x30, 0x31], "PUT KEY under a DEK in the token", said)
    rc, said = card.sectl("key", "put", "isd", "--keyset=new", f"--keys={uri('isd')}",
                          f"--keys={new}", env=env)
    check(rc == REFUSED and "token" in said, "a key in the token is not put onto a card", said)
    card.close()
    many = Card(folder, "token-kdf3",
                "".join(kdf3(key(33), bytes.fromhex(KDD), n).hex() + "\n" for n in (1, 2, 3)))
    rc, said = many.sectl("app", "list", f"--keys={uri('kmc', '&x-diversification=kdf3')}",
                          env=env)
    check(rc == OK, "card keys of a master key in the token", said)
    rc, said = many.sectl("app", "list", "--keys=pkcs11:token=sesame;object=isd?pin-value=1234",
                          env=env)
    check(rc == USAGE and "1234" not in said, "a PIN in the argument is refused", said)
    many.close()
    return card


def test_domains(folder):
    card = Card(folder, "domains")
    sets = card.put("sets", keyset("ssd", "aes", "30", key(40), key(41), key(42)) +
                    keyset("ssd2", "aes", "30", key(43), key(44), key(45)))
    isd = ("--keys=default", "--keyset=default", f"--keys={sets}")
    rc, said = card.sectl("sd", "create", SSD, "--accept-extradition=all", *isd)
    check(rc == OK, "a security domain", said)
    rc, said = card.sectl("sd", "keys", SSD, "ssd", *isd)
    check(rc == OK, "its own keys, put with its parent's", said)
    rc, said = card.sectl("key", "list", f"--sd={SSD}", f"--keys={sets}", "--keyset=ssd")
    check(rc == OK, "a channel to it", said)
    rc, said = card.sectl("sd", "keys", SSD, "ssd2", "--replace=30", f"--keys={sets}",
                          "--keyset=ssd")
    check(rc == OK, "rotated by themselves", said)
    before = card.attempts()
    rc, said = card.sectl("key", "delete", "7F", f"--sd={SSD}", f"--keys={sets}",
                          "--keyset=ssd")
    check(rc == REFUSED and card.attempts() == before and '"ssd2"' in said,
        "the former keys are told from the present ones", said)
    rc, said = card.sectl("sd", "create", SSD2, *isd)
    check(rc == OK, "a second domain", said)
    rc, said = card.sectl("sd", "extradite", SSD2, SSD, *isd)
    check(rc == OK, "given to the first", said)
    rc, said = card.sectl("sd", "extradite", SSD2, SSD, *isd)
    check(rc == OK and "already" in said, "once is enough", said)
    rc, said = card.sectl("sd", "policy", SSD, "--forbid=load,delete", *isd)
    check(rc == OK, "loading and deleting forbidden to it", said)
    rc, said = card.sectl("sd", "policy", SSD, "--forbid=fly", *isd)
    check(rc == USAGE, "what cannot be forbidden", said)
    rc, said = card.sectl("sd", "policy", SSD, *isd)
    check(rc == USAGE, "a policy without a word", said)
    rc, said = card.sectl("sd", "extradite", "F0534553410000", SSD, *isd)
    check(rc not in (OK, USAGE), "what is not there cannot be given away", said)
    card.close()
    return card


def leaks(cards):
    """A key of the test in what was said, in the ledger, or in another file of ours."""
    found = []
    for card in cards:
        texts = [card.said]
        for where, _, names in os.walk(card.file("state")):
            for name in names:
                with open(os.path.join(where, name), encoding="latin-1") as f:
                    texts.append(f.read())
        for n in range(1, 46):
            for text in texts:
                if key(n).lower()[:16] in text.lower():
                    found.append((card.folder, n))
    return found


def main():
    subprocess.run(["make", "-s", "-C", TOP, "NATIVE=1", f"V={os.path.basename(OUT)}",
                    f"{OUT}/sectl", f"{OUT}/softse"], check=True, stdout=subprocess.DEVNULL)
    folder = tempfile.mkdtemp(prefix="gp-keys-")
    try:
        cards = [test_rotation(folder), test_des(folder), *test_diversified(folder),
                 test_sources(folder), test_token(folder), test_domains(folder)]
        test_ledger(folder)
        test_killed(folder)
        test_core(folder)
        found = leaks([c for c in cards if c])
        check(not found, "no key in what was said or stored", str(found) if found else "")
    finally:
        for process in Card.running:
            process.kill()
        shutil.rmtree(folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
