#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's vicc as it cannot start by itself: its package puts the module one folder
too deep, and it imports Crypto, which Debian calls Cryptodome. Arguments are vicc's."""

import runpy
import sys

import Cryptodome

sys.path.insert(0, "/usr/lib/python3/site-packages/virtualsmartcard")
sys.modules["Crypto"] = Cryptodome
for name in ("Cipher", "Hash", "Protocol", "PublicKey", "Signature", "Util"):
    sys.modules[f"Crypto.{name}"] = __import__(f"Cryptodome.{name}", fromlist=[name])
sys.argv[0] = "/usr/bin/vicc"
runpy.run_path("/usr/bin/vicc", run_name="__main__")
