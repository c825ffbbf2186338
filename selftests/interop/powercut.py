# SPDX-License-Identifier: Apache-2.0
"""Puts a folder back as a disk might have it after the power went.

preload/powercut.c keeps what was synchronised. Of the rest a disk may have anything:
each page of a file is the synchronised one or a later one, a name that was not
synchronised is there or is not, and so is one that was taken away.
"""

import os
import shutil
import subprocess

PAGE = 4096


class Disk:
    """The disk under folder; env goes into the environment of the program."""

    def __init__(self, folder, mirror, library):
        self.folder, self.mirror = folder, mirror
        self.env = {"LD_PRELOAD": library, "POWERCUT_DIR": folder, "POWERCUT_DISK": mirror}
        for part in ("data", "names"):
            os.makedirs(os.path.join(mirror, part))

    def _durable(self):
        """{path below the folder: the bytes that are safe, or None for a bare name}"""
        found = {}
        for flat in os.listdir(os.path.join(self.mirror, "names")):
            below = flat.replace("+", "/").lstrip("/")
            with open(os.path.join(self.mirror, "names", flat), encoding="utf-8") as f:
                for line in f:
                    inode, _, name = line.rstrip("\n").partition(" ")
                    data = os.path.join(self.mirror, "data", inode)
                    try:
                        with open(data, "rb") as d:
                            found[os.path.join(below, name)] = d.read()
                    except FileNotFoundError:
                        found[os.path.join(below, name)] = None
        return found

    def _latest(self):
        found = {}
        for where, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(where, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as f:
                        found[os.path.relpath(path, self.folder)] = f.read()
        return found

    @staticmethod
    def _torn(rng, safe, late):
        """A file whose pages are partly on the disk, its length one or the other."""
        length = rng.choice((len(safe), len(late)))
        both = (safe.ljust(length, b"\0"), late.ljust(length, b"\0"))
        return b"".join(rng.choice(both)[at:at + PAGE] for at in range(0, length, PAGE))[:length]

    def cut(self, rng):
        """The program was killed: what does the disk have? Returns how many files were torn."""
        safe, late = self._durable(), self._latest()
        torn = 0
        for path in sorted(set(safe) | set(late)):
            if path.endswith("-shm"):       # shared memory in a file: never worth a disk's while
                content = None
            elif path not in safe:          # a name that nobody synchronised
                content = rng.choice((None, b"", late[path]))
            elif path not in late:          # taken away, which nobody synchronised
                content = rng.choice((None, safe[path]))
            elif safe[path] == late[path]:
                content = late[path]
            else:
                torn += 1
                content = self._torn(rng, safe[path] or b"", late[path])
            whole = os.path.join(self.folder, path)
            mode = os.stat(whole).st_mode & 0o777 if os.path.exists(whole) else 0o600
            if os.path.exists(whole):
                os.unlink(whole)
            if content is not None:
                with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT, mode), "wb") as f:
                    f.write(content)
                os.chmod(whole, mode)
        self.settle()
        return torn

    def settle(self):
        """What is there now is what the disk has."""
        for part in ("data", "names"):
            shutil.rmtree(os.path.join(self.mirror, part))
            os.makedirs(os.path.join(self.mirror, part))
        for where, _, names in os.walk(self.folder):
            below = os.path.relpath(where, self.folder)
            flat = "+" if below == "." else "+" + below.replace("/", "+")
            with open(os.path.join(self.mirror, "names", flat), "w", encoding="utf-8") as f:
                for name in names:
                    path = os.path.join(where, name)
                    if not os.path.isfile(path) or os.path.islink(path):
                        continue
                    inode = subprocess.run(["stat", "--printf", "%i-%.9W", path], check=True,
                                           stdout=subprocess.PIPE, text=True).stdout
                    f.write(f"{inode} {name}\n")
                    shutil.copyfile(path, os.path.join(self.mirror, "data", inode))
