# SPDX-License-Identifier: Apache-2.0
"""TAP lines of a test program: tap(good, "what is claimed", "what was seen"). An exception
that ends the program is a line, too."""

import sys


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def __call__(self, good, name, shown=""):
        self.n += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.n} - {name}" + (f": {shown}" if shown else ""),
              flush=True)
        return good

    def skip(self, name, why):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}", flush=True)

    def done(self):
        """Prints the plan; the exit status."""
        print(f"1..{self.n}", flush=True)
        return 1 if self.failed else 0


tap = Tap()


def _ended(kind, error, trace):
    """Whoever reads TAP lines only would not learn why there are no more."""
    if not issubclass(kind, KeyboardInterrupt):
        tap(False, "the test goes on to its end",
            f"{kind.__name__}: {' '.join(str(error).split())}"[:1000])
    sys.__excepthook__(kind, error, trace)


sys.excepthook = _ended
