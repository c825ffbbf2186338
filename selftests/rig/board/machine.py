# SPDX-License-Identifier: Apache-2.0
"""The emulated Raspberry Pi: softse behind the HAT, QEMU, its console and QMP.

machine.py card    make the card image of the checks, if there is none
machine.py shell   the board on this terminal, semd running
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[3]
BOARD = TOP / "build/board"
SOFTSE = TOP / "build/out/release/softse"
# QEMU=tree in the environment: the one of ./make-qemu, which has the HAT in it
IN_TREE = os.environ.get("QEMU", "debian") == "tree"
QEMU = [BOARD / "tree/build/qemu-system-aarch64"] if IN_TREE else [
    BOARD / "qemu/usr/bin/qemu-system-aarch64", "-plugin", BOARD / "se-hat.so"]
# the second line: what takes long when it is emulated and nobody here needs
APPEND = ("console=ttyS1,115200 maxcpus=1 quiet loglevel=1 panic=-1 "
          "initcall_blacklist=jent_mod_init,load_system_certificate_list,"
          "bpf_tcp_ca_kfunc_init,bpf_dummy_struct_ops_init kvm-arm.mode=none "
          "cryptomgr.notests retain_initrd")

# seconds after which something does not come any more, on the slowest of machines
LONG = 300


class Timeout(Exception):
    pass


class Machine:
    """One boot.

    @work: a folder for all that it leaves; emptied
    @tree: name of a device tree in build/board
    @bare: leave modules and semd to the console
    @ses: for each secure element the options of -device besides the usual
    @state: card image for each of them; None: new cards
    @softse: further options of softse
    @bwt: ms after which the driver takes the chip's silence for an error. The cards' own
        300 is less than what a busy machine lets softse wait
    @terminal: the console is this process's, with QEMU's monitor behind Ctrl-A c
    @net: with the network; 10.0.2.2 in the guest is this machine's loopback
    @args: further words of the kernel's command line
    """

    def __init__(self, work, tree="level", bare=True, ses=("cs=0",), state=None, softse=(),
                 bwt=30000, net=False, terminal=False, args=()):
        self.work = pathlib.Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        for old in self.work.iterdir():
            old.unlink()
        self.chips = {}
        (self.work / "profile").write_text(f"bwt_ms = {bwt}\n")
        self.softse = (f"--profile={self.work}/profile", *softse)
        self.qemu = self.tty = self.monitor = None
        self.heard = ""
        self.count = 0
        try:
            self.start(tree, bare, ses, state, net, terminal, args)
        except BaseException:
            self.close()
            raise

    def start(self, tree, bare, ses, state, net, terminal, args):
        qemu = [*QEMU, "-M", "raspi3b", "-accel", "tcg,thread=single",
                "-display", "none", "-nodefaults",
                "-kernel", next((BOARD / "kernel/boot").glob("vmlinuz-*")),
                "-initrd", BOARD / "initrd", "-dtb", BOARD / f"{tree}.dtb",
                "-append", " ".join([APPEND, f"board.date={int(time.time())}",
                                     *["board.bare"] * bare, *["board.net"] * net, *args]),
                "-no-reboot", "-d", "guest_errors", "-D", self.work / "guest-errors.log",
                "-qmp", f"unix:{self.work}/qmp,server=on,wait=off",
                "-serial", "null", "-serial", "chardev:tty"]
        if terminal:
            qemu += ["-chardev", f"stdio,id=tty,mux=on,signal=off,logfile={self.work}/console.log",
                     "-mon", "tty"]
        else:
            qemu += ["-chardev", f"socket,id=tty,path={self.work}/tty,server=on,wait=off,"
                                 f"logfile={self.work}/console.log"]
        if net:
            qemu += ["-netdev", "user,id=net0", "-device", "usb-net,netdev=net0"]
        for i, options in enumerate(ses):
            if state:
                (self.work / f"card{i}").write_bytes(pathlib.Path(state).read_bytes())
            self.start_chip(i)
            qemu += ["-chardev", f"socket,id=chip{i},path={self.work}/chip{i},reconnect-ms=100",
                     "-device", f"sesame-hat,bus=spi,one-cpu=on,chardev=chip{i},id=se{i},"
                                f"{options}"]
        self.begin = time.monotonic()
        if terminal:
            self.qemu = subprocess.Popen([str(a) for a in qemu])
            return
        self.qemu = self.spawn(qemu, "qemu.log")
        self.tty = self.dial("tty")
        self.monitor = self.dial("qmp")
        self.replies = self.monitor.makefile("r")
        self.replies.readline()
        self.qmp("qmp_capabilities")

    def start_chip(self, i):
        """A card of its own for each."""
        (self.work / f"chip{i}").unlink(missing_ok=True)
        command = [SOFTSE, f"--block-socket={self.work}/chip{i}", "--no-fsync",
                   f"--log={self.work}/apdu{i}.log", f"--state={self.work}/card{i}",
                   *self.softse]
        chip = self.spawn(command, f"softse{i}.log")
        self.chips[i] = chip
        end = time.monotonic() + LONG
        while "ready" not in (self.work / f"softse{i}.log").read_text():
            if chip.poll() is not None or time.monotonic() > end:
                raise RuntimeError("softse does not come up: "
                                   + (self.work / f"softse{i}.log").read_text())
            time.sleep(0.02)

    def stop_chip(self, i):
        """As when it loses its power."""
        self.chips[i].kill()
        self.chips[i].wait()

    def spawn(self, command, log):
        """A program that holds no pipe of ours: nobody waits for its end by mistake."""
        with open(self.work / log, "w") as out:
            return subprocess.Popen([str(a) for a in command], stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=subprocess.STDOUT)

    def dial(self, name):
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            if self.qemu.poll() is not None:
                raise RuntimeError("QEMU ended: " + (self.work / "qemu.log").read_text())
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(str(self.work / name))
                return s
            except OSError:
                s.close()
                time.sleep(0.05)
        raise Timeout(f"QEMU does not open '{name}': " + (self.work / "qemu.log").read_text())

    def qmp(self, command, **arguments):
        self.monitor.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            line = self.replies.readline()
            if not line:
                raise RuntimeError(f"QEMU ended at '{command}': "
                                   + (self.work / "qemu.log").read_text())
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]

    def get(self, name, se=0):
        return self.qmp("qom-get", path=f"/machine/peripheral/se{se}", property=name)

    def set(self, name, value, se=0):
        self.qmp("qom-set", path=f"/machine/peripheral/se{se}", property=name, value=value)

    def wait_for(self, pattern, seconds):
        """Read the console until it says @pattern, of one line: (match, what was before it)."""
        end = time.monotonic() + seconds
        seen = 0
        while True:
            found = re.compile(pattern).search(self.heard, seen)
            if found:
                before = self.heard[:found.start()]
                self.heard = self.heard[found.end():]
                return found, before
            seen = self.heard.rfind("\n") + 1
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f"{pattern!r} after {seconds} s; the console: {self.heard[-2000:]}")
            self.tty.settimeout(left)
            try:
                part = self.tty.recv(65536)
            except socket.timeout:
                continue
            if not part:
                raise RuntimeError("the machine is gone; its console: " + self.heard[-2000:])
            self.heard += part.decode(errors="replace").replace("\r", "")

    def boot(self, seconds=2 * LONG):
        """Until the prompt; returns how many seconds that took."""
        self.wait_for(r"board: up after", seconds)
        took = time.monotonic() - self.begin
        self.tty.sendall(b"stty -echo; PS1=\n")
        self.run("true")
        return took

    def run(self, command, seconds=LONG):
        """Run a line of shell in the guest: (status, output)."""
        self.count += 1
        # in two pieces, so that an echo is not taken for the answer
        self.tty.sendall(f"echo '@''{self.count}<'; {command}\necho \"@\"\"{self.count}=$?@\"\n"
                         .encode())
        self.wait_for(rf"@{self.count}<\n", seconds)
        found, said = self.wait_for(rf"@{self.count}=(\d+)@\n", seconds)
        return int(found[1]), said

    def must(self, command, seconds=LONG):
        status, said = self.run(command, seconds)
        if status:
            raise AssertionError(f"'{command}' ended with {status}: {said[-1500:]}")
        return said

    def cpu_seconds(self):
        """What QEMU has computed so far."""
        words = pathlib.Path(f"/proc/{self.qemu.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def close(self):
        for process in [self.qemu, *self.chips.values()]:
            if process:
                process.kill()
                process.wait()
        for connection in (self.tty, self.monitor):
            if connection:
                connection.close()
        for name in ("tty", "qmp"):
            (self.work / name).unlink(missing_ok=True)


def new_card(path):
    """A card image with the test applet."""
    if not path.exists():
        subprocess.run([TOP / "selftests/kselftest/make-card", SOFTSE, path], check=True,
                       env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def main():
    verb = sys.argv[1]
    new_card(BOARD / "card")
    if verb == "card":
        return 0
    with Machine(BOARD / "run/shell", bare=False, net=True, terminal=True,
                 state=BOARD / "card") as m:
        return m.qemu.wait()


if __name__ == "__main__":
    sys.exit(main())
