# SPDX-License-Identifier: Apache-2.0
"""pcscd with its vpcd reader, in a network of its own, and softse as the card in
it. Nothing is left running when the context managers end."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

OUT = f"build/out/{os.environ.get('V', 'release')}"
SOFTSE = f"{OUT}/softse"
VPCD = "127.0.0.1:35963"


def missing(*tools):
    return [t for t in ("pcscd", *tools) if not shutil.which(t)]


def own_network():
    """Start the program anew where vpcd's port is nobody else's."""
    if "--inside" in sys.argv or not shutil.which("unshare"):
        return
    up = "ip link set lo up"
    test = ["unshare", "--net", "sh", "-c", up]
    if subprocess.run(test, capture_output=True, check=False).returncode == 0:
        os.execvp("unshare", ["unshare", "--net", "sh", "-c", up + ' && exec "$@"', "sh",
                              sys.executable, *sys.argv, "--inside"])


class Pcscd:
    """pcscd with Debian's readers (vpcd), or with those of another reader.conf."""

    def __init__(self, config=None):
        self.options = ["--config", config] if config else []

    def __enter__(self):
        os.makedirs("/run/pcscd", exist_ok=True)
        self.log = tempfile.TemporaryFile("a+b")  # read while it is written
        self.process = subprocess.Popen(["pcscd", "--foreground", "--disable-polkit",
                                         *self.options], stdout=self.log, stderr=self.log)
        end = time.monotonic() + 60
        while not os.path.exists("/run/pcscd/pcscd.comm"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"pcscd does not come up: {self.said()}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def switches(self):
        """Context switches of all its threads."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
                    open(f"/proc/{self.process.pid}/task/{task}/status", encoding="ascii") as f:
                total += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
        return total

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")


class Softse:
    """softse in the reader; its standard error is in .errors() afterwards."""

    def __init__(self, *options, vpcd=True):
        self.args = [SOFTSE, *([f"--vpcd={VPCD}"] if vpcd else []), *options]

    def __enter__(self):
        self.stderr = tempfile.TemporaryFile("a+b")  # read while it is written
        self.process = subprocess.Popen(self.args, stdout=subprocess.PIPE, stderr=self.stderr)
        if self.process.stdout.readline() != b"softse: ready\n":
            self.__exit__()
            raise RuntimeError(f"{' '.join(self.args)}: {self.errors()}")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.status = self.process.wait()
        self.process.stdout.close()

    def errors(self):
        self.stderr.seek(0)
        return self.stderr.read().decode(errors="replace")

    def wait_for(self, text, seconds=60):
        """Until it has said this on standard error."""
        end = time.monotonic() + seconds
        while text not in self.errors():
            if time.monotonic() > end or self.process.poll() is not None:
                return False
            time.sleep(0.02)
        return True


def run(*command, text=None, seconds=60):
    """What a PC/SC program printed, and its exit status."""
    done = subprocess.run(command, input=text, capture_output=True, text=True,
                          timeout=seconds, check=False)
    return done.stdout + done.stderr, done.returncode


def run_until(want, *command, text=None, tries=40):
    """The same, again until pcscd has noticed what is in the reader."""
    out = ""
    for _ in range(tries):
        out, _ = run(*command, text=text)
        if want in out:
            break
        time.sleep(0.1)
    return out
