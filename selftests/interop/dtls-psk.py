#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DTLS with a pre-shared key against two peers: libcoap's resource directory takes
semd's registration, and OpenSSL's s_server ends the DTLS of a whole dialogue (its
standard input and output are sockets that keep datagrams apart). Prints TAP; run inside the Debian 13 root.
"""

import os
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))
sys.path.insert(0, HERE)

import codec  # noqa: E402
import gp  # noqa: E402
import script  # noqa: E402
from aiocoap.numbers.codes import GET, POST, PUT  # noqa: E402
from rawcoap import RawServer, dotted  # noqa: E402
from stack import Stack, free_port, wait_bound, wait_until  # noqa: E402
from tap import tap  # noqa: E402

KEY = b"a key for tests!"
SE, SCRIPT = 26241, 26242
SUITES = ("PSK-AES128-CCM8", "PSK-AES128-CBC-SHA256")


class PipeSocket:
    """A DTLS terminator made of openssl s_server, with the face of a UDP socket."""

    def __init__(self, port, suite, log):
        self.log = open(log, "wb")
        self.pair, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen(self.command(port, suite), stdin=theirs, stdout=theirs,
                                        stderr=self.log)
        theirs.close()
        wait_bound(port)

    def command(self, port, suite):
        """What ends the DTLS."""
        return ["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-nocert",
                "-psk", KEY.hex(), "-psk_identity", "sesame", "-psk_hint", "hint",
                "-cipher", f"{suite}:@SECLEVEL=0", "-quiet", "-mtu", "1400"]

    def settimeout(self, seconds):
        self.pair.settimeout(seconds)

    def recvfrom(self, room):
        data = self.pair.recv(room)
        if not data:
            raise AssertionError("openssl s_server ended")
        return data, "peer"

    def sendto(self, data, _address):
        self.pair.send(data)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.pair.close()
        self.log.close()


class DtlsServer(RawServer):
    """RawServer behind the terminator."""

    def __init__(self, port, suite, log):
        self.suite, self.logfile = suite, log
        super().__init__(port)

    def open(self):
        self.sock = PipeSocket(self.port, self.suite, self.logfile)


def dtls_stack(port, key=KEY, identity="sesame"):
    """A stack whose server account is a DTLS one; not started."""
    stack = Stack(f"coaps://127.0.0.1:{port}")
    stack.set = {"server.psk_identity": identity, "server.psk_file": stack.path("psk")}
    fd = os.open(stack.path("psk"), os.O_CREAT | os.O_WRONLY, 0o600)
    with os.fdopen(fd, "w") as f:
        f.write(key.hex() + "\n")
    return stack


def finish(stack, good):
    status = stack.stop()
    if status != 0:
        tap(False, "semd ends with status 0", str(status))
    if not good or status != 0:
        for line in stack.text("semd.log").splitlines()[-30:]:
            print(f"# semd: {line}")
    stack.remove()


def directory():
    """libcoap's coap-rd as the registration target; then with a wrong key."""
    port = free_port()
    for key, want in ((KEY, True), (b"not the same key", False)):
        stack = dtls_stack(port + 1, key)
        with open(stack.path("rd.log"), "wb") as log:
            rd = subprocess.Popen(["stdbuf", "-oL", "coap-rd-gnutls", "-A", "127.0.0.1", "-p", str(port), "-k",
                                   KEY.decode(), "-h", "hint", "-v", "7"], stdout=log, stderr=log)

        def registered(stack=stack):
            text = stack.text("rd.log")
            return "c:2.01" in text and "ep=sesame-test" in text

        def said(stack=stack):
            return [x for x in stack.text("semd.log").splitlines()
                    if "dtls" in x.lower() or "handshake" in x.lower() or "psk" in x.lower()]

        try:
            wait_bound(port + 1)
            stack.start()
            try:
                wait_until(registered if want else said, 60, "what is to come of it")
            except AssertionError as e:
                print(f"# {e}")
        finally:
            rd.terminate()
            rd.wait()
        if want:
            tap(registered() and "psk_identity: 'sesame'" in stack.text("rd.log"),
                "registration with libcoap's coap-rd over DTLS-PSK")
        else:
            tap(bool(said()), "with a wrong key semd says why", (said() or ["no word"])[-1])
            tap(not registered() and stack.semd.poll() is None, "and nothing registers")
        finish(stack, registered() == want)


def dialogue(suite):
    """Registration, Read, Create, block-wise Write, Execute and the answer."""
    port = free_port()
    stack = dtls_stack(port)
    good = False
    server = DtlsServer(port, suite, stack.path("s_server.log"))
    try:
        stack.start()
        server.wait_for_registration(60)
        tap(True, f"{suite}: registration with openssl s_server")
        m = server.request(GET, (SE, 0, 0), accept=codec.TEXT)
        tap(m.payload == b"se0", f"{suite}: Read", f"{dotted(m.code)} {m.payload.decode()}")
        m = server.request(POST, (SCRIPT,), codec.encode_resources_tlv(
            SCRIPT, {0: f"{SE}:0", 1: b""}), content_format=codec.TLV)
        number = int(m.opt.location_path[-1])
        body = script.command_script([gp.get_data(0x66)] * 40)
        for i in range(0, len(body), 256):
            m = server.request(PUT, (SCRIPT, number, 2), body[i:i + 256],
                               content_format=codec.OPAQUE,
                               block1=(i // 256, i + 256 < len(body), 4))
        tap(dotted(m.code) == "2.04", f"{suite}: block-wise Write", dotted(m.code))
        m = server.request(POST, (SCRIPT, number, 3))
        state, end = 0, time.monotonic() + 60
        while state < 3 and time.monotonic() < end:
            time.sleep(0.05)
            state = int(server.request(GET, (SCRIPT, number, 4), accept=codec.TEXT).payload)
        answer, more, block = b"", True, 0
        while more:
            m = server.request(GET, (SCRIPT, number, 7), accept=codec.OPAQUE, block2=(block, 0, 5))
            answer += m.payload
            block, more = block + 1, m.opt.block2 is not None and m.opt.block2.more
        r = script.parse_response(answer)
        good = state == 3 and r.executed == 40 and \
            all(x[-2:] == b"\x90\x00" for x in r.rapdus)
        tap(good, f"{suite}: Execute, and the answer in blocks", f"{len(answer)} bytes")
    except (AssertionError, ValueError) as e:
        tap(False, f"{suite}", str(e))
        print("# s_server: " + stack.text("s_server.log")[-500:].replace("\n", "\n# "))
    finally:
        # semd de-registers while the server still answers
        stack.semd and stack.semd.poll() is None and stack.semd.send_signal(signal.SIGTERM)
        end = time.monotonic() + 10
        while stack.semd and stack.semd.poll() is None and time.monotonic() < end:
            try:
                got = server.receive(0.2)
            except AssertionError:
                break
            if got:
                server.serve(got[0], got[2])
        server.close()
        finish(stack, good)


def main():
    directory()
    for suite in SUITES:
        dialogue(suite)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
