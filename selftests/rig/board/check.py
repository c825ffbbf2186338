#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check.py [CASE…]: the driver on the emulated Raspberry Pi, as TAP.

Each case boots a machine of its own. What is counted is counted three times:
by the driver, by the kernel's /proc/interrupts, and by the HAT, which sees the
chip select, the line and the chip's blocks from outside.
"""
import difflib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from machine import BOARD, IN_TREE, LONG, QEMU, TOP, Machine, new_card  # noqa: E402

RUNS = BOARD / "run"
CARD = BOARD / "card"
EXCHANGES = int(os.environ.get("N", "10000"))
SEED = int(os.environ.get("SEED", "1"))
LOAD = "insmod /modules/se.ko && insmod /modules/se-spi.ko"
DRIVER = "/sys/bus/spi/drivers/se-spi"
HAT = ("accesses", "reads", "writes", "bytes", "blocks", "announced", "resets", "last-hz",
       "overruns")


class Tap:
    done = failed = 0

    def ok(self, good, what, why=""):
        self.done += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.done} - {what}", flush=True)
        if why and not good:
            for line in str(why).strip().splitlines()[-15:]:
                print("# " + line, flush=True)
        return good

    def note(self, text):
        print("# " + text, flush=True)


tap = Tap()


class Board(Machine):
    """A machine with the questions that the cases ask it."""

    def appear(self, n=1):
        """The node comes when the SE has been started up, not when probing ends."""
        self.must(f"wait_for -c /dev/se{n - 1}")

    def probed(self, n=1):
        self.must(LOAD)
        self.appear(n)

    def info(self, se=0):
        return json.loads(self.must(f"sectl se info se{se} --json"))["result"]

    def mode(self, se=0):
        return self.must(f"cat /sys/class/se/se{se}/irq_mode").strip()

    def irqs(self, name="spi0.0"):
        """What the kernel counted on the GPIO controller; None: no such interrupt."""
        found = re.search(rf"^ *\d+: +(\d+) +pinctrl-bcm2835 .* {re.escape(name)}$",
                          self.must("cat /proc/interrupts"), re.M)
        return int(found[1]) if found else None

    def hat(self, se=0):
        return {name: self.get(name, se) for name in HAT}

    def exchange(self, n, se=0, seconds=2 * LONG):
        status, said = self.run(f"exchange -d /dev/se{se} {n} {SEED}", seconds)
        return status == 0 and f"{n} exchanges right" in said, said

    def interrupt_returns(self):
        """The driver tries an interrupt again that it has given up."""
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            self.exchange(5)
            if self.mode() == "irq":
                return True
            time.sleep(0.3)
        return False

    def complaints(self):
        """What the kernel minds about, and accesses to registers that are not there."""
        said = self.must("dmesg")
        bad = [line for line in said.splitlines()
               if re.search(r"BUG:|WARNING:|Oops|Call trace|nobody cared|Unable to handle", line)]
        return bad + (self.work / "guest-errors.log").read_text().splitlines()


def delta(after, before):
    return {k: after[k] - v for k, v in before.items() if isinstance(v, int)}


# ---- cases ---------------------------------------------------------------

def refusals():
    """The plug-in on what it was not made for."""
    def said(plugin, machine="raspi3b"):
        return subprocess.run(
            [QEMU[0], "-M", machine, "-display", "none", "-nodefaults", "-S",
             "-plugin", BOARD / plugin, "-device", "sesame-hat,bus=spi,cs=0"],
            timeout=LONG, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    for plugin, machine, what, words in (
            # it exports what plug-ins may use, and devices are not among that
            ("se-hat.so", "raspi3b", "the plug-in for Debian's QEMU by that of the tree",
             "Could not load plugin"),
    ) if IN_TREE else (
            ("refuse-version.so", "raspi3b", "the HAT on another version of QEMU", "this is 10."),
            ("refuse-layout.so", "raspi3b", "the HAT on another layout of its objects",
             "lays out"),
            ("se-hat.so", "raspi4b", "the HAT on another board", "raspi3b")):
        try:
            run = said(plugin, machine)
            tap.ok(run.returncode == 1 and words in run.stdout,
                   f"refused: {what}", f"{run.returncode}: {run.stdout}")
        except subprocess.TimeoutExpired:
            tap.ok(False, f"refused: {what}", "QEMU runs")


def boot():
    """How long somebody waits for the shell of `make board`, semd running."""
    best = None
    for _ in range(3):  # the machine below has other things to do at times
        with Board(RUNS / "boot", bare=False, net=True, state=CARD) as m:
            took = m.boot()
            cpu = m.cpu_seconds()
        tap.note(f"boot to prompt {took:.1f} s, {cpu:.1f} s of them computed")
        best = min(took, cpu, best or took)
        if best < 10:
            break
    tap.ok(best < 10, "boot to prompt, semd running, in less than 10 s of a processor", best)


def level():
    """Data-ready by level: most of what there is to be shown."""
    with Board(RUNS / "level", tree="level", state=CARD) as m:
        m.boot()
        m.probed()
        info = m.info()
        tap.ok(info["dialect"] == "gp" and info["state"] == "idle" and info["ifsc"] == 1024
               and info["clockHz"] == 10000000, "probed; GET_INFO tells link and sizes", info)
        s, h = info["stats"], m.hat()
        tap.ok(info["irqMode"] == "irq" and s["irqs"] > 0 and not s["irqsLost"]
               and not s["pollFallbacks"], "the interrupt passes its self-test", s)
        tap.ok(m.irqs() == s["irqs"] == h["announced"], "an interrupt for each block of the start",
               f"{m.irqs()} {s} {h}")
        tap.ok(h["last-hz"] == 10000000, "SPI0 runs at what the overlay allows", h)
        trace(m)
        many(m)
        resets(m)
        binding(m)
        sleep(m)
        unload(m)
        tap.ok(not m.complaints(), "no complaint by the kernel, no register that is not there",
               "\n".join(m.complaints()))


def trace(m):
    before = m.info()["stats"]
    events = "irq/irq_handler_entry spi/spi_message_start se/se_block_tx se/se_block_rx"
    m.must("cd /sys/kernel/tracing && for e in " + events + "; do echo 1 >events/$e/enable; done; "
           "echo 'name == \"spi0.0\"' >events/irq/irq_handler_entry/filter; echo >trace")
    good, said = m.exchange(50)
    lines = m.must("cat trace; echo 0 >events/enable; echo >trace; cd /")
    polls = m.info()["stats"]["polls"] - before["polls"]
    names = re.findall(r": (irq_handler_entry|spi_message_start|se_block_tx|se_block_rx):", lines)
    # the write is one message, the read, of prologue and rest, the others
    early, unannounced, since = 0, [], []
    for name in names:
        since.append(name)
        if name != "se_block_rx":
            continue
        messages = [i for i, n in enumerate(since) if n == "spi_message_start"]
        announced = since.index("irq_handler_entry") if "irq_handler_entry" in since else len(since)
        looks = sum(i < announced for i in messages[1:])
        early += looks
        if looks == len(messages) - 1:
            unannounced.append(since)
        since = []
    reads = names.count("se_block_rx")
    # what the driver looks at in between, since softse has been held up, finds nothing
    tap.ok(good and reads >= 50 and not unannounced and early <= polls
           and names.count("irq_handler_entry") == reads,
           f"in a trace the interrupt precedes each of {reads} reads"
           + f", but for {early} slow looks" * bool(early),
           f"{early} early, {polls} polls {unannounced[:3]} {said} {lines}")
    times = [(int(a), int(b)) for a, b in re.findall(r"size=(\d+) .*?bus_ns=(\d+)", lines)]
    tap.ok(len(times) >= 2 * reads and all(ns >= size * 800 for size, ns in times),
           "at 10 MHz no block takes less than 800 ns a byte", times)


def many(m):
    before, hat, irqs = m.info()["stats"], m.hat(), m.irqs()
    good, said = m.exchange(EXCHANGES, seconds=4 * LONG)
    if not tap.ok(good, f"{EXCHANGES} exchanges of random sizes, each compared", said):
        return
    tap.note(said.strip())
    s, h, n = delta(m.info()["stats"], before), delta(m.hat(), hat), m.irqs() - irqs
    tap.ok(n == s["irqs"] == s["blocksRx"] == h["announced"] == h["blocks"] >= EXCHANGES,
           f"{n} interrupts in /proc/interrupts, {h['blocks']} responses by the chip", f"{s} {h}")
    # a chip that this machine holds up for longer than the watch's interval is looked at,
    # a few times for each time that it is held up
    short = s["apdus"]
    tap.note(f"{h['accesses']} chip-select assertions for {short} APDUs, {s['polls']} slow looks")
    tap.ok(h["accesses"] == s["accesses"] and h["accesses"] - s["polls"] <= 2 * short
           and s["polls"] <= max(3, short // 20),
           "at most two chip-select assertions for a short APDU", f"{s} {h}")
    tap.ok(not (s["retrans"] or s["edcErrors"] or s["timeouts"] or s["errors"]
                or s["irqsLost"] or h["overruns"]), "nothing repeated, lost or late", f"{s} {h}")


def fault(m, what, begin, end, n, judge):
    """Exchanges are right while something is wrong with the line, and it is noticed."""
    before = m.info()["stats"]
    m.set(*begin)
    good, said = m.exchange(n)
    s, mode = delta(m.info()["stats"], before), m.mode()
    if end:
        m.set(*end)
    tap.ok(good and judge(s, mode), f"{what}: {n} exchanges right, and it is counted",
           f"{said} mode {mode} {s}")


def line():
    """What can be wrong with the line, at a chip that takes its time."""
    with Board(RUNS / "line", tree="level", state=CARD, softse=("--work-ms=20",), bwt=4000) as m:
        m.boot()
        m.probed()
        faults(m)
        tap.ok(not m.complaints(), "the line: no complaint", "\n".join(m.complaints()))


def faults(m):
    fault(m, "a lost interrupt", ("irq-lost", 1), None, 20,
          lambda s, mode: s["irqsLost"] == 1 and not s["pollFallbacks"] and mode == "irq"
          and not s["timeouts"])
    fault(m, "an interrupt 20 ms late", ("irq-late", 20000), ("irq-late", 0), 20,
          lambda s, mode: not s["pollFallbacks"] and not s["timeouts"])
    fault(m, "a line that is cut", ("irq-dead", True), ("irq-dead", False), 30,
          lambda s, mode: s["pollFallbacks"] == 1 and s["polls"] > 10 and mode == "poll"
          and not s["timeouts"])
    tap.ok(m.interrupt_returns(), "the line is mended: back to the interrupt", m.info())
    fault(m, "a line stuck at active", ("irq-stuck", True), ("irq-stuck", False), 30,
          lambda s, mode: s["irqsSpurious"] >= 10 and not s["timeouts"])
    tap.ok(m.interrupt_returns(), "the line comes free: back to the interrupt", m.info())
    fault(m, "spurious interrupts", ("irq-spurious", 500), ("irq-spurious", 0), 100,
          lambda s, mode: s["irqsSpurious"] > 0 and not s["timeouts"])
    tap.ok(m.interrupt_returns(), "they stop: the interrupt is used", m.info())
    for what, name, value in (("a block cut short", "short", 3),
                              ("a byte changed on its way to the chip", "corrupt-out", 1),
                              ("a byte changed on its way back", "corrupt-in", 1),
                              ("a block lost on its way back", "drop-in", 1),
                              ("a byte too many", "noise-in", 1)):
        fault(m, what, (name, value), None, 10,
              lambda s, mode: s["retrans"] > 0 and not s["errors"])
    # silence, then a request for N(S) 0: it may have been a reset, so nothing is sent again
    before = m.info()["stats"]
    m.set("drop-out", 1)
    good, said = m.exchange(10)
    unknown = delta(m.info()["stats"], before)["unknown"]
    again, more = m.exchange(10)
    tap.ok(again and good == (unknown == 0), "a block lost on its way to the chip: exchanges "
           f"{'right' if good else 'end as unknown'}, the next ones right", said + more)
    fault(m, "a block that arrives twice", ("twice-in", 1), None, 10,
          lambda s, mode: not s["errors"])
    fault(m, "blocks that come 100 ms late", ("delay-in", 100000), ("delay-in", 0), 10,
          lambda s, mode: not s["errors"] and not s["timeouts"])
    generation = m.info()["generation"]
    m.set("brown-out", True)
    m.run("exchange 1 1")
    good, said = m.exchange(20)
    tap.ok(good, f"a chip that reset itself (generation {generation}, then "
           f"{m.info()['generation']}): exchanges are right", said)
    m.stop_chip(0)
    start = time.monotonic()
    good, said = m.exchange(1)
    tap.ok(not good and time.monotonic() - start < LONG, "a chip that is gone is an error, in time",
           said)
    m.start_chip(0)
    status, said = m.run("for i in $(seq 60); do sectl se reset se0 --level=line && break; "
                         "sleep 0.5; done; sectl se reset se0 --level=line")
    good, more = m.exchange(20)
    tap.ok(status == 0 and good, "it is back: reset, and exchanges are right", said + more)
    m.interrupt_returns()


def resets(m):
    before, generation = m.get("resets"), m.info()["generation"]
    status, said = m.run("sectl se reset se0 --level=line")
    tap.ok(status == 0 and m.get("resets") == before + 1
           and m.info()["generation"] > generation, "a reset is a pulse on the reset line", said)
    good, said = m.exchange(20)
    tap.ok(good, "exchanges after the reset", said)


def binding(m):
    m.must(f"exec 3<>/dev/se0; echo spi0.0 >{DRIVER}/unbind")
    tap.ok(m.run("[ ! -e /dev/se0 ] && ! grep -q spi0.0 /proc/interrupts")[0] == 0,
           "unbound under an open file: node and interrupt are gone",
           m.must("cat /proc/interrupts"))
    m.must(f"exec 3>&-; echo spi0.0 >{DRIVER}/bind")
    m.appear()
    good, said = m.exchange(50)
    tap.ok(good and m.mode() == "irq", "bound again: exchanges by interrupt", said)
    status, said = m.run(f"for i in $(seq 10); do echo spi0.0 >{DRIVER}/unbind && "
                         f"echo spi0.0 >{DRIVER}/bind || break; done")
    m.appear()
    good, more = m.exchange(20)
    tap.ok(status == 0 and good, "ten times more, without a pause", said + more)


def sleep(m):
    """The machine's firmware ends no sleep: the devices go through it, then a timer wakes them."""
    before, irqs = m.info()["stats"], m.irqs()
    m.must("echo devices >/sys/power/pm_test; echo freeze >/sys/power/state; "
           "echo none >/sys/power/pm_test")
    good, said = m.exchange(50)
    s = delta(m.info()["stats"], before)
    tap.ok(good and m.mode() == "irq" and m.irqs() > irqs and not s["timeouts"],
           "suspended and resumed: exchanges by interrupt", f"{said} {s}")


def unload(m):
    status, said = m.run("rmmod se-spi && rmmod se && ! grep -q '^se' /proc/modules && "
                         "! grep -q spi0.0 /proc/interrupts && [ ! -e /dev/se0 ]")
    tap.ok(status == 0, "the modules go", said)
    m.probed()
    good, said = m.exchange(50)
    tap.ok(good and m.mode() == "irq", "and come back", said)


def kind_of_line(tree, options, kind, what):
    """Another kind of data-ready line than active high and by level."""
    with Board(RUNS / tree, tree=tree, state=CARD, ses=(f"cs=0{options}",)) as m:
        m.boot()
        m.probed()
        tap.ok(kind in m.must("grep spi0.0 /proc/interrupts") and m.mode() == "irq",
               f"{what}: the interrupt passes its self-test", m.info())
        hat, irqs = m.hat(), m.irqs()
        good, said = m.exchange(500)
        h, n = delta(m.hat(), hat), m.irqs() - irqs
        tap.ok(good and n == h["announced"] == h["blocks"] >= 500,
               f"{what}: 500 exchanges, {n} interrupts", f"{said} {h}")
        fault(m, f"{what}: a lost interrupt", ("irq-lost", 1), None, 20,
              lambda s, mode: s["irqsLost"] == 1 and mode == "irq" and not s["timeouts"])
        fault(m, f"{what}: a line that is cut", ("irq-dead", True), ("irq-dead", False), 30,
              lambda s, mode: s["pollFallbacks"] == 1 and mode == "poll")
        tap.ok(m.interrupt_returns(), f"{what}: back to the interrupt", m.info())
        m.must(f"echo spi0.0 >{DRIVER}/unbind && echo spi0.0 >{DRIVER}/bind")
        m.appear()
        before = m.get("resets")
        status, said = m.run("sectl se reset se0 --level=line")
        good, more = m.exchange(50)
        tap.ok(status == 0 and m.get("resets") == before + 1 and good and m.mode() == "irq",
               f"{what}: bound again and reset, exchanges by interrupt", said + more)
        tap.ok(not m.complaints(), f"{what}: no complaint", "\n".join(m.complaints()))


def edge():
    """Data-ready by rising edge."""
    kind_of_line("edge", "", "Edge", "rising edge")


def low():
    """Data-ready active low, by level and by its edge."""
    kind_of_line("low", ",drdy-low=on", "Level", "active low")
    kind_of_line("fall", ",drdy-low=on", "Edge", "falling edge")


def wrong():
    """The tree has the line's polarity wrong: slow, not wrong."""
    for tree, options in (("level", ",drdy-low=on"), ("low", "")):
        with Board(RUNS / "wrong", tree=tree, state=CARD, ses=(f"cs=0{options}",)) as m:
            m.boot()
            m.probed()
            good, said = m.exchange(100)
            info, what = m.info(), "low taken for high" if options else "high taken for low"
            s = info["stats"]
            tap.ok(good and m.mode() == "poll" and not s["timeouts"] and not s["errors"],
                   f"active {what}: 100 exchanges by polling", f"{said} {info}")
            tap.ok(not m.complaints(), f"active {what}: no complaint", "\n".join(m.complaints()))


def poll():
    """An overlay that names no interrupt."""
    with Board(RUNS / "poll", tree="poll", state=CARD) as m:
        m.boot()
        m.probed()
        good, said = m.exchange(500)
        info = m.info()
        tap.ok(good and info["irqMode"] == "poll" and m.irqs() is None,
               "without an interrupt in the tree: 500 exchanges by polling", f"{said} {info}")
        s = info["stats"]
        tap.ok(not s["irqs"] and s["polls"] >= s["blocksRx"] and not s["timeouts"],
               f"polled: {s['polls']} looks for {s['blocksRx']} blocks, no interrupt", s)
        tap.ok(not m.complaints(), "polled: no complaint", "\n".join(m.complaints()))


def dual():
    """Two secure elements, one on each chip select, the second one's line active low."""
    with Board(RUNS / "dual", tree="dual", state=CARD,
               ses=("cs=0,drdy=25,reset=24", "cs=1,drdy=22,reset=27,drdy-low=on")) as m:
        m.boot()
        m.probed(2)
        # which node is which chip: the kernel numbers them as they are probed
        bus = [m.must(f"readlink /sys/class/se/se{i}/device").strip().rsplit("/", 1)[1]
               for i in (0, 1)]
        tap.ok(sorted(bus) == ["spi0.0", "spi0.1"] and m.mode(0) == m.mode(1) == "irq",
               "two chip selects: both probed, both by interrupt", bus)
        chip = [int(name[-1]) for name in bus]
        hats = [m.hat(i) for i in chip]
        irqs = [m.irqs(name) for name in bus]
        status, said = m.run("exchange -d /dev/se0 500 3 >/tmp/0 2>&1 & a=$!; "
                             "exchange -d /dev/se1 500 4 >/tmp/1 2>&1; b=$?; "
                             "wait $a && [ $b = 0 ]; r=$?; cat /tmp/0 /tmp/1; (exit $r)", 2 * LONG)
        d = [delta(m.hat(c), h) for c, h in zip(chip, hats)]
        n = [m.irqs(name) - was for name, was in zip(bus, irqs)]
        tap.ok(status == 0, "500 exchanges with each at the same time", said)
        tap.ok(all(n[i] == d[i]["blocks"] >= 500 and not d[i]["overruns"] for i in (0, 1)),
               f"each has its own interrupts: {n}", d)
        m.must(f"echo {bus[0]} >/sys/bus/spi/drivers/se-spi/unbind")
        good, said = m.exchange(50, se=1)
        tap.ok(good, "one is unbound, the other goes on", said)
        m.must(f"echo {bus[0]} >/sys/bus/spi/drivers/se-spi/bind")
        m.appear()
        before = m.get("resets", chip[1])
        m.must("sectl se reset se1 --level=line")
        tap.ok(m.get("resets", chip[1]) == before + 1, "a reset reaches the one that is meant")
        tap.ok(not m.complaints(), "two: no complaint", "\n".join(m.complaints()))


def session():
    """The main job: semd on the board, the management server on this side of the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    run = RUNS / "session"
    with Board(run, tree="level", bare=False, net=True,
               args=(f"board.server=coap://10.0.2.2:{port}",)) as m:
        done = run / "done"
        server = m.spawn(["python3", TOP / "selftests/demo/server.py", "--port", str(port),
                          "--wait", "600", "--deadline", "300", "--patience", "120",
                          "--farewell", done, "--summary", run / "summary.json"], "server.log")
        try:
            m.boot()
            end = time.monotonic() + 3 * LONG
            while server.poll() is None and not done.exists() and time.monotonic() < end:
                time.sleep(0.2)
            m.must("kill -TERM $(cat /run/semd.pid)")
            server.wait(LONG)
        finally:
            server.kill()
            server.wait()
        log = (run / "server.log").read_text()
        tap.note(log.strip().splitlines()[-1])
        if not tap.ok(server.returncode == 0 and "all verified" in log,
                      "the demo's management session", log + m.must("tail -20 /run/semd.log")):
            return
        info, h = m.info(), m.hat()
        s = info["stats"]
        tap.ok(info["irqMode"] == "irq" and not s["errors"] and not s["timeouts"]
               and s["irqs"] == m.irqs() == h["announced"] == h["blocks"] == s["blocksRx"],
               f"the session: {s['apdus']} APDUs, {m.irqs()} interrupts, "
               f"{h['blocks']} responses", f"{info} {h}")
        tap.ok(not m.complaints(), "the session: no complaint", "\n".join(m.complaints()))


def same():
    """One job, one card image, behind the board and behind se-sim in the amd64 machine."""
    sim = TOP / "build/vm/board-sim/apdu.log"
    with Board(RUNS / "same", tree="level", state=CARD) as m:
        m.boot()
        m.probed()
        m.must("start-semd")
        m.must("/job")
        logs = [apdus(log) for log in (m.work / "apdu0.log", sim)]
        tap.ok(logs[0] == logs[1] and len(logs[0]) > 200,
               f"behind se-sim and behind the board: one log of {len(logs[0])} APDUs",
               "\n".join(difflib.unified_diff(logs[1], logs[0], "se-sim", "board", n=0)))


def apdus(log):
    """A log of softse without its times: number, channel, header, length, status, hash."""
    if not log.exists():
        return []
    return [" ".join(line.split()[:1] + line.split()[2:])
            for line in log.read_text().splitlines()]


CASES = (refusals, boot, level, line, edge, low, wrong, poll, dual, session, same)


def main():
    names = sys.argv[1:] or [case.__name__ for case in CASES]
    RUNS.mkdir(exist_ok=True)
    new_card(CARD)
    for case in CASES:
        if case.__name__ not in names:
            continue
        start = time.monotonic()
        try:
            case()
        except Exception as e:  # the next case has a machine of its own
            tap.ok(False, f"{case.__name__} to its end", f"{type(e).__name__}: {e}")
        tap.note(f"{case.__name__}: {time.monotonic() - start:.0f} s")
    print(f"1..{tap.done}")
    return tap.failed != 0


if __name__ == "__main__":
    sys.exit(main())
