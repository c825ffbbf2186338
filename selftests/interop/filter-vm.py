#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""semd's policy is a filter in the driver: shown on the open file of a job that runs.

strace sees in which order semd asks the driver for what. Then the job's own open file is
taken out of semd (pidfd_getfd), so that nothing of semd's stands before the driver any more,
and what the policy forbids is tried on it: the driver refuses, and softse's log knows nothing
of it. The same without a policy shows that it is the filter that refuses. Runs in the virtual
machine (selftests/rig/vm -- python3 selftests/interop/filter-vm.py)."""

import ctypes
import errno
import fcntl
import importlib
import os
import re
import struct
import subprocess
import sys
import time

import ifd
from pcscd import OUT, Softse
from tap import tap

vm = importlib.import_module("ifd-vm")
LOG, TRACE = vm.LOG, "/run/strace"
POLICY = (f"[policy local]\norigin=control:*\naids={ifd.APPLET}\n"
          "instructions=80200007 80300000 80300001 8030000F\n")
# <linux/se.h>: number of the ioctl, its name
NAMES = {0x00: "GET_INFO", 0x01: "SUBMIT", 0x02: "CHANNEL_OPEN", 0x05: "RESET", 0x06: "LOCK",
         0x09: "SET_FILTER"}
SE_IOC_LOCK, SE_LOCK = 0xC028E706, struct.Struct("=IIQQQiI")
SE_IOC_RESET, SE_RESET = 0xC020E705, struct.Struct("=IIQQII")
OTHER, SELECT_ISD = "8050000000", "00A4040008A00000015100000000"
PIDFD_OPEN, PIDFD_GETFD = 434, 438


def taken(pid):
    """{descriptor: duplicate} of what semd has open of the SE."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    files = {}
    for n in sorted(int(x) for x in os.listdir(f"/proc/{pid}/fd")):
        try:
            if os.readlink(f"/proc/{pid}/fd/{n}") == "/dev/se0":
                files[n] = libc.syscall(PIDFD_GETFD, pidfd, n, 0)
        except FileNotFoundError:
            pass
    os.close(pidfd)
    return files


def told(call, *args):
    """What the driver says: "" or a name of errno."""
    try:
        call(*args)
        return ""
    except OSError as e:
        return errno.errorcode[e.errno]


def ran(head):
    with open(LOG, encoding="ascii") as f:
        return sum(line.split()[3][2:] == head for line in f if len(line.split()) > 3)


def asked():
    """For each descriptor of the SE that is open: what semd asked the driver for, in order."""
    now = {}
    with open(TRACE, encoding="utf-8") as f:
        for line in f:
            m = re.search(r"ioctl\((\d+), _IOC\([^,]*, 0xe7, (0x[0-9a-f]+|0),", line)
            gone = re.search(r" close\((\d+)\)", line)
            if m:
                nr = int(m[2], 16)
                now.setdefault(int(m[1]), []).append(NAMES.get(nr, hex(nr)))
            elif gone:
                now.pop(int(gone[1]), None)
    return now


def exchange(fd, apdu):
    os.write(fd, bytes.fromhex(apdu))
    return os.read(fd, 300)


def lock(fd):
    fcntl.ioctl(fd, SE_IOC_LOCK, SE_LOCK.pack(0, 50, time.monotonic_ns() + 10 ** 10, 0, 0, 0, 0))


def reset(fd):
    fcntl.ioctl(fd, SE_IOC_RESET, SE_RESET.pack(1, 0, time.monotonic_ns() + 10 ** 10, 0, 0, 0))


def forbidden(fd):
    """What the policy leaves out, on the open file of its job: what the driver says."""
    return {"another instruction": told(exchange, fd, OTHER),
            "another application": told(exchange, fd, SELECT_ISD),
            "the lock": told(lock, fd), "a reset": told(reset, fd)}


def job(policy):
    """A job with a policy or without, and what may be done with its open file."""
    name = "with a policy" if policy else "without"
    trace = ("strace", "-D", "-f", "-q", "-e", "trace=ioctl,close", "-o", TRACE)
    with vm.Semd(POLICY if policy else "", trace) as semd:
        if not tap(semd.running(300), f"{name}: a job runs"):
            with open("/run/job.out", encoding="utf-8") as f, \
                    open("/run/semd.log", encoding="utf-8") as g:
                print("# " + (f.read()[-500:] + g.read()[-500:]).replace("\n", "\n# "))
            return
        end = time.monotonic() + 120  # strace writes a call down behind it
        while not any("SUBMIT" in o for o in asked().values()) and time.monotonic() < end:
            time.sleep(0.1)
        files = taken(semd.semd.pid)
        # the worker itself has one too, for what the SE says of itself
        order = asked()
        jobs = [n for n in files if order.get(n, [])[:1] == ["SET_FILTER"]]
        tap(len(jobs) == policy and len(files) == 2 and
            (not policy or order[jobs[0]][1:3] == ["CHANNEL_OPEN", "SUBMIT"]),
            f"{name}: {'a filter is the first thing that' if policy else 'no filter that'} "
            "semd asks for a job's file", str({n: order.get(n, [])[:4] for n in files}))
        before = ran(OTHER[2:8])
        if not policy:
            got = [told(exchange, fd, OTHER) for fd in files.values()]
            tap(got == ["", ""] and ran(OTHER[2:8]) == before + 2,
                "without: another instruction runs on each of its files", str(got))
        elif jobs:
            fd = files[jobs[0]]
            for what, said in forbidden(fd).items():
                tap(said == "EACCES", f"the driver itself refuses {what}", said or "it may")
            tap(ran(OTHER[2:8]) == before, "and nothing of it came to the SE")
            tap(not told(exchange, fd, "8020000700"), "what the policy has runs on that file")
            steps, end = semd.steps(), time.monotonic() + 120
            while semd.steps() == steps and time.monotonic() < end:
                time.sleep(0.1)
            tap(semd.running() and semd.steps() > steps, "and semd's job goes on")
        for fd in files.values():
            os.close(fd)


def main():
    for m in ("se", "se-spi", "se-sim"):
        subprocess.run(["insmod", f"{vm.MODULES}/{m}.ko"], check=True)
    with open("/run/profile", "w", encoding="ascii") as f:
        f.write("applet = test\n")
    for policy in (True, False):
        with Softse("--sim", "--profile=/run/profile", f"--log={LOG}", vpcd=False):
            if tap(vm.node(True), "the driver finds an SE"):
                job(policy)
        vm.node(False)
        for path in (LOG, TRACE, "/run/sesame/io.sesame.Manager"):
            if os.path.exists(path):
                os.unlink(path)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
