#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""softse against GPShell, a GlobalPlatform host that we did not write.

softse is the card in pcscd's vpcd reader. GPShell loads, installs, lists and deletes
at each level it can speak, and checks softse's R-MACs. Runs in the root, in a
network of its own; needs pcscd, vsmartcard-vpcd, gpshell and
libgppcscconnectionplugin1 there, and is skipped without them."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../server"))

from cap import Cap  # noqa: E402
from pcscd import Pcscd, Softse, missing, own_network, run_until  # noqa: E402
from tap import tap  # noqa: E402

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
open_sc -scp {scp} -scpimpl {i} -security {level} -keyver {kvn} -mac_key {key} \
-enc_key {key} -kek_key {key}
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


def session(scp: int, level: int, i: int, where: str, app: bytes = APP) -> list[str]:
    """One session with the card that is in the reader; gives what went wrong."""
    cap, script = (f"{where}/{n}" for n in ("cap.ijc", "script"))
    with open(cap, "wb") as f:
        f.write(Cap(ELF, [MODULE], code=512).load_file())
    with open(script, "w", encoding="ascii") as f:
        f.write(SCRIPT.format(scp=scp, kvn=0x20 if scp == 2 else 0x30, i=i, level=level, key=KEY,
                              cap=cap, app=app.hex(), elf=ELF.hex(), module=MODULE.hex()))
    text = run_until("open_sc", "gpshell", script)
    bad = [line for line in text.splitlines() if "returns 0x" in line or "failed" in line]
    for want in ("OP Ready", app.hex() + "               | Selectable",
                 MODULE.hex(), ELF.hex() + "                 | Loaded"):
        if want not in text:
            bad.append(f"not shown: {want}")
    if not text.rstrip().endswith("release_context"):
        bad.append("did not come to its end")
    return bad + (text.splitlines()[-12:] if bad else [])


def manage(scp: int, level: int, i: int, where: str) -> list[str]:
    """The same with a card of its own in pcscd's vpcd reader."""
    options = [f"--scp={i:02x}"]
    if scp == 2:
        options = [f"--keys={where}/keys", f"--profile={where}/profile"]
        with open(f"{where}/keys", "w", encoding="ascii") as f:
            f.write(f"kvn 20 des\n{KEY}\n")
        with open(f"{where}/profile", "w", encoding="ascii") as f:
            f.write(f"scp02_i = {i}\n")
    with Softse(*options) as softse:
        softse.wait_for("connected")
        return session(scp, level, i, where)


def main() -> int:
    absent = missing("gpshell")
    if absent:
        tap.skip("softse and GPShell", f"without {' and '.join(absent)}")
        return tap.done()
    own_network()
    with tempfile.TemporaryDirectory() as where, Pcscd():
        for scp, i in ((2, 0x15), (2, 0x55), (3, 0x60), (3, 0x70)):
            for level in LEVELS if scp == 3 else (0x00, 0x01, 0x03):
                bad = manage(scp, level, i, where)
                tap(not bad, f"GPShell manages softse, SCP0{scp}, i={i:02X}, "
                    f"level {level:02X}")
                for line in bad:
                    print(f"# {line}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
