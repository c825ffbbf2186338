#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The interoperability test plan of the Secure Element MO (Documentation/dm/iot.rst), every
case of it, against semd and the software SE: dm-iot.py [--coding xml|wbxml] [CASE…], where
3 stands for 300 to 399. Prints TAP; run inside the Debian 13 root."""

import argparse
import asyncio
import os
import re
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from dm_bench import CASES, Bench, Fail  # noqa: E402
import dm_iot_care  # noqa: E402, F401
import dm_iot_se  # noqa: E402, F401
import dm_iot_session  # noqa: E402, F401
import dm_iot_tree  # noqa: E402, F401
from stack import TOP  # noqa: E402
from tap import tap  # noqa: E402

LIMIT = 150 # seconds of one case: more than whatever it waits for


def plan():
    """{number: title} of the document."""
    with open(os.path.join(TOP, "Documentation/dm/iot.rst"), encoding="utf-8") as f:
        return {int(n) for n in re.findall(r"^IOT-(\d+) .*\n-+$", f.read(), re.M)}


def place(error):
    """Where in the cases it comes from, and the error in words."""
    words = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, TimeoutError) and error.__cause__:     # of wait_for()
        error, words = error.__cause__, f"not over in {LIMIT} s"
    lines = [(f.f_code.co_filename, n) for f, n in traceback.walk_tb(error.__traceback__)]
    return ", ".join(f"{os.path.basename(name)}:{n}" for name, n in lines
                     if os.path.basename(name).startswith("dm_")) + f": {words}"


class Runner:
    """One Bench for the cases that share it; a new one after a case that failed."""

    def __init__(self, coding, record):
        self.coding, self.record, self.bench = coding, record, None

    async def stop(self, error=None):
        bench, self.bench = self.bench, None
        if bench is not None:
            await bench.__aexit__(type(error) if error else None, error, None)

    async def shared(self, function):
        if self.bench is None:
            record = self.record and os.path.join(self.record, self.coding)
            self.bench = await Bench(self.coding, record=record).__aenter__()
        server = self.bench.server
        await function(self.bench)
        if server.complaints:
            raise Fail("; ".join(server.complaints[:4]))

    async def case(self, number):
        title, function, own = CASES[number]
        name, began, why = f"IOT-{number} {self.coding}: {title}", time.monotonic(), ""
        try:
            await asyncio.wait_for(function(self.coding) if own else self.shared(function), LIMIT)
        except Exception as e:      # whatever it is, the other cases go on
            why = place(e)
            if not own:
                try:
                    await self.stop(e)
                except Exception as more:
                    why += f"; then {more}"
        tap(not why, name, why[:900] or f"{time.monotonic() - began:.2f} s")


async def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--coding", choices=("xml", "wbxml"), help="only this one")
    p.add_argument("--record", metavar="FOLDER", help="keep every message there")
    p.add_argument("cases", nargs="*", type=int)
    args = p.parse_args()
    cases = [n for n in sorted(CASES) if not args.cases or {n, n // 100} & set(args.cases)]
    if not cases:
        p.error("no such case")
    if not args.cases:
        here, there = set(CASES), plan()
        tap(here == there, "the cases here are those of the plan",
            f"{len(there)}" if here == there else f"not the same: {sorted(here ^ there)}")
    # each coding has devices of its own; most of the time they wait
    await asyncio.gather(*(every(coding, cases, args.record) for coding in
                           ([args.coding] if args.coding else ["xml", "wbxml"])))
    return tap.done()


async def every(coding, cases, record):
    """All cases in a coding, one after the other."""
    began = time.monotonic()
    runner = Runner(coding, record)
    for number in cases:
        await runner.case(number)
    try:
        await runner.stop()
    except Fail as e:
        tap(False, f"semd afterwards, {coding}", str(e))
    print(f"# {coding}: {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
