#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""semd registers with libcoap's resource directory over TCP, TLS and DTLS; killed and
started anew it takes up the sessions, and over DTLS the registration, too. Prints TAP; run
inside the Debian 13 root.
"""

import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from stack import Stack, free_port, wait_bound, wait_until  # noqa: E402
from tap import tap  # noqa: E402

KEY = b"a key for tests!"


def one(scheme, name):
    secure = scheme.startswith("coaps")
    port = free_port()
    stack = Stack(f"{scheme}://127.0.0.1:{port + secure}")
    options = []
    if secure:
        stack.set = {"server.psk_identity": "sesame", "server.psk_file": stack.path("psk")}
        fd = os.open(stack.path("psk"), os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(fd, "w") as f:
            f.write(KEY.hex() + "\n")
        options = ["-k", KEY.decode(), "-h", "hint"]
    with open(stack.path("rd.log"), "wb") as log:
        rd = subprocess.Popen(["stdbuf", "-oL", name, "-A", "127.0.0.1", "-p", str(port),
                               "-v", "7", *options], stdout=log, stderr=log)
    locations = []

    def registered(count):
        locations[:] = re.findall(r'registered as "sesame-test", LwM2M 1\.2, (\S+)',
                                  stack.text("semd.log"))
        return len(locations) >= count

    try:
        wait_bound(port + secure)
        stack.start()
        wait_until(lambda: registered(1), 60, f"registration over {scheme}")
        binding = "b=T" if "tcp" in scheme else "b=U"
        tap(binding in stack.text("rd.log"), f"{scheme}: registered with {name}", binding)
        stack.stop_semd(signal.SIGKILL)
        stack.start_semd()
        wait_until(lambda: registered(2), 60, f"semd registers again over {scheme}")
        said = stack.text("semd.log")
        if secure:
            tap("session new" in said and "session resumed" in said,
                f"{scheme}: killed and started anew, the session is resumed")
        if scheme == "coaps":
            # coap-rd has no Update: it answers 4.05, which leads to a Register
            location = locations[0].split("/")[-1]
            tap(re.search(rf"c:POST .*Uri-Path:{location}", stack.text("rd.log")) is not None,
                f"{scheme}: the registration is taken up by an Update", locations[0])
        status = stack.stop_semd()
        wait_until(lambda: "c:DELETE" in stack.text("rd.log"), 60, "a de-registration")
        tap(status == 0, f"{scheme}: semd de-registers and ends with status 0")
    except AssertionError as e:
        tap(False, scheme, str(e))
        for line in stack.text("semd.log").splitlines()[-20:]:
            print(f"# {line}")
    finally:
        stack.stop()
        rd.terminate()
        rd.wait()


one("coap+tcp", "coap-rd-notls")
one("coaps+tcp", "coap-rd-openssl")
one("coaps", "coap-rd-openssl")
sys.exit(tap.done())
