#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""softse against GPShell, a GlobalPlatform host that we did not write.

pcscd with the vpcd reader takes softse's APDU socket as a card: the frames are
the same, a relay joins the two. GPShell then loads, installs, lists and deletes
at each level it can speak, and checks softse's R-MACs. Runs in the root, in a
network of its own; needs pcscd, vsmartcard-vpcd, gpshell and
libgppcscconnectionplugin1 there, and is skipped without them."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ.get("V", "release")
SOFTSE = f"build/out/{BUILD}/softse"
PORT = 0x8C7B  # vpcd's
ELF, MODULE, APP = (bytes.fromhex("F0534553414D45" + tail)
                    for tail in ("01", "0101", "0102"))
KEY = "404142434445464748494A4B4C4D4E4F"
# GPShell 2.0.1 (Debian 13) has too small a buffer for level 33's answers
LEVELS = (0x01, 0x03, 0x13)

SCRIPT = """mode_211
enable_trace
establish_context
card_connect
select -AID A000000151000000
open_sc -scp 3 -scpimpl {i} -security {level} -keyver 48 -mac_key {key} -enc_key {key} \
-kek_key {key}
get_status -element 80
install -file {cap} -nvCodeLimit 500 -instAID {app} -pkgAID {elf} -AID {module} -priv 0
get_status -element 40
get_status -element 10
delete -AID {app}
delete -AID {elf}
get_status -element 80
card_disconnect
release_context
"""


def component(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + len(data).to_bytes(2, "big") + data


def load_file() -> bytes:
    """Header, Directory, Import, Applet and Method components of a CAP file
    (JCVM 6): no code, but what a host reads of it is right."""
    header = bytes.fromhex("DECAFFED0102040001") + bytes([len(ELF)]) + ELF
    applet = bytes([1, len(MODULE)]) + MODULE + b"\0\0"
    return component(1, header) + component(2, bytes(31)) + component(4, b"\0") + \
        component(3, applet) + component(7, bytes(512))


def relay(a: socket.socket, b: socket.socket) -> None:
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while True:
        try:
            return what()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def connect(path: str) -> socket.socket:
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(path)
    except OSError:
        s.close()
        raise
    return s


def run(level: int, i: int, where: str) -> list[str]:
    """One card, one session; gives what went wrong."""
    cap, script, card = (f"{where}/{n}" for n in ("cap.ijc", "script", "card"))
    with open(cap, "wb") as f:
        f.write(load_file())
    with open(script, "w", encoding="ascii") as f:
        f.write(SCRIPT.format(i=i, level=level, key=KEY, cap=cap, app=APP.hex(),
                              elf=ELF.hex(), module=MODULE.hex()))
    with subprocess.Popen([SOFTSE, f"--apdu-socket={card}", f"--scp={i:02x}"],
                          stdout=subprocess.DEVNULL) as softse:
        try:
            se = wait_for(lambda: connect(card))
            reader = wait_for(lambda: socket.create_connection(("127.0.0.1", PORT), 5))
            reader.settimeout(None)
            for pair in ((se, reader), (reader, se)):
                threading.Thread(target=relay, args=pair, daemon=True).start()
            text = ""
            for _ in range(20):  # until pcscd has noticed that the card is another
                text = subprocess.run(["gpshell", script], capture_output=True, text=True,
                                      timeout=60, check=False).stdout
                if "open_sc" in text:
                    break
                time.sleep(0.2)
        finally:
            for s in ("se", "reader"):
                if s in locals():
                    locals()[s].shutdown(socket.SHUT_RDWR)
                    locals()[s].close()
            softse.terminate()
    bad = [line for line in text.splitlines() if "returns 0x" in line or "failed" in line]
    for want in ("OP Ready", APP.hex() + "               | Selectable",
                 MODULE.hex(), ELF.hex() + "                 | Loaded"):
        if want not in text:
            bad.append(f"not shown: {want}")
    if not text.rstrip().endswith("release_context"):
        bad.append("did not come to its end")
    return bad + (text.splitlines()[-12:] if bad else [])


def main() -> int:
    missing = [t for t in ("pcscd", "gpshell") if not shutil.which(t)]
    if missing:
        print(f"ok - softse and GPShell # SKIP without {' and '.join(missing)}")
        return 0
    if "--inside" not in sys.argv and shutil.which("unshare"):
        test = ["unshare", "--net", "sh", "-c", "ip link set lo up"]
        if subprocess.run(test, capture_output=True, check=False).returncode == 0:
            os.execvp("unshare", ["unshare", "--net", "sh", "-c",
                                  'ip link set lo up && exec "$@"', "sh", sys.executable,
                                  *sys.argv, "--inside"])
    os.makedirs("/run/pcscd", exist_ok=True)
    failed = 0
    with tempfile.TemporaryDirectory() as where:
        log = open(f"{where}/pcscd.log", "wb")
        pcscd = subprocess.Popen(["pcscd", "--foreground", "--disable-polkit"], stdout=log,
                                 stderr=log)
        try:
            for i in (0x60, 0x70):
                for level in LEVELS:
                    bad = run(level, i, where)
                    failed += bool(bad)
                    print(f"{'not ' if bad else ''}ok - GPShell manages softse, "
                          f"i={i:02X}, level {level:02X}", flush=True)
                    for line in bad:
                        print(f"# {line}")
        finally:
            pcscd.terminate()
            pcscd.wait()
            log.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
