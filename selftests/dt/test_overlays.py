# SPDX-License-Identifier: Apache-2.0
"""The overlays, put on the device trees of Debian's kernel.

TREES names a folder with the .dtb files of Debian's arm64 kernel, OVERLAYS the
compiled overlays. Each is applied with fdtoverlay, with and without parameters,
and the result is looked at node by node. TREES/out keeps the merged trees for
the schema check.
"""
import os
import struct
import subprocess
import unittest

import libfdt

import overrides

TREES = os.environ["TREES"]
OVERLAYS = os.environ["OVERLAYS"]
OUT = os.path.join(TREES, "out")
HERE = os.path.dirname(os.path.abspath(__file__))

PI3 = "bcm2837-rpi-3-b"
PI4 = "bcm2711-rpi-4-b"
PI5 = "bcm2712-rpi-5-b"
SPI = "/soc/spi@7e204000"
I2C = "/soc/i2c@7e804000"
RP1_I2C = "/axi/pcie@1000120000/pci@0,0/dev@0,0/pci-ep-bus@1/i2c@40074000"


class Tree:
    """A merged device tree, read-only."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.fdt = libfdt.Fdt(f.read())

    def has(self, path):
        return self.fdt.path_offset(path, [libfdt.NOTFOUND]) >= 0

    def raw(self, path, name):
        prop = self.fdt.getprop(self.fdt.path_offset(path), name, [libfdt.NOTFOUND])
        return bytes(prop) if isinstance(prop, libfdt.Property) else None

    def cells(self, path, name):
        raw = self.raw(path, name)
        return None if raw is None else list(struct.unpack(f">{len(raw) // 4}I", raw))

    def text(self, path, name):
        raw = self.raw(path, name)
        return None if raw is None else raw.rstrip(b"\0").decode()

    def phandle(self, path):
        return self.fdt.get_phandle(self.fdt.path_offset(path))


def merge(base, name, *overlays):
    out = os.path.join(OUT, name + ".dtb")
    ran = subprocess.run(["fdtoverlay", "-i", base, "-o", out, *overlays],
                         capture_output=True, text=True, check=False)
    if ran.returncode:
        raise AssertionError(f"{name}: fdtoverlay: {ran.stderr.strip()}")
    return out


def put_on(board, flavour, overlay, **params):
    """The tree of `board` with one overlay and its parameters."""
    os.makedirs(OUT, exist_ok=True)
    base = os.path.join(TREES, board + ".dtb")
    name = "-".join([board, flavour, overlay, *(f"{k}={v}" for k, v in params.items())])
    if flavour == "rpi":
        labels = os.path.join(OUT, "labels.dtbo")
        subprocess.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", labels,
                        os.path.join(HERE, "rpi-os-labels.dts")], check=True)
        base = merge(base, "labels-" + board, labels)
    with open(os.path.join(OVERLAYS, flavour, overlay + ".dtbo"), "rb") as f:
        blob = overrides.apply(f.read(), params)
    changed = os.path.join(OUT, name + ".dtbo")
    with open(changed, "wb") as f:
        f.write(blob)
    return Tree(merge(base, name, changed))


class OnEveryBoard(unittest.TestCase):
    def test_spi(self):
        for board in PI3, PI4:
            for flavour in "debian", "rpi":
                with self.subTest(board=board, flavour=flavour):
                    t = put_on(board, flavour, "se-spi")
                    se = SPI + "/secure-element@0"
                    gpio = t.phandle("/soc/gpio@7e200000")
                    self.assertEqual(t.text(SPI, "status"), "okay")
                    self.assertEqual(t.text(se, "compatible"), "sesame,t1-se")
                    self.assertEqual(t.text(se, "sesame,dialect"), "gp")
                    self.assertEqual(t.cells(se, "reg"), [0])
                    self.assertEqual(t.cells(se, "interrupt-parent"), [gpio])
                    self.assertEqual(t.cells(se, "interrupts"), [25, 4])
                    self.assertEqual(t.cells(se, "reset-gpios"), [gpio, 24, 1])
                    self.assertIsNone(t.raw(se, "enable-gpios"))
                    pins = "/soc/gpio@7e200000/se-pins"
                    self.assertEqual(t.cells(se, "pinctrl-0"), [t.phandle(pins)])
                    self.assertEqual(t.cells(pins, "brcm,pins"), [25])

    def test_debian_selects_are_gpios(self):
        t = put_on(PI3, "debian", "se-spi")
        gpio = t.phandle("/soc/gpio@7e200000")
        self.assertEqual(t.cells(SPI, "cs-gpios"), [gpio, 8, 1, gpio, 7, 1])

    def test_st33(self):
        for board in PI3, PI4:
            for flavour in "debian", "rpi":
                with self.subTest(board=board, flavour=flavour):
                    t = put_on(board, flavour, "se-st33")
                    se = SPI + "/secure-element@0"
                    self.assertEqual(t.text(se, "compatible"), "st,st33-se")
                    self.assertEqual(t.cells(se, "sesame,reset-pulse-us"), [5000])
                    self.assertIsNone(t.raw(se, "interrupts"))

    def test_dual(self):
        for board in PI3, PI4:
            for flavour in "debian", "rpi":
                with self.subTest(board=board, flavour=flavour):
                    t = put_on(board, flavour, "se-spi-dual")
                    for n, irq, reset in (0, 25, 24), (1, 22, 27):
                        se = f"{SPI}/secure-element@{n}"
                        self.assertEqual(t.cells(se, "reg"), [n])
                        self.assertEqual(t.cells(se, "interrupts"), [irq, 4])
                        self.assertEqual(t.cells(se, "reset-gpios")[1:], [reset, 1])

    def test_i2c(self):
        for board, flavour, bus in ((PI3, "debian", I2C), (PI4, "debian", I2C), (PI3, "rpi", I2C),
                                    (PI4, "rpi", I2C), (PI5, "debian-rp1", RP1_I2C)):
            if board == PI5 and not os.path.exists(os.path.join(TREES, PI5 + ".dtb")):
                self.skipTest("no tree of the newest kernel at hand")
            with self.subTest(board=board, flavour=flavour):
                t = put_on(board, flavour, "se-i2c")
                se = bus + "/secure-element@48"
                self.assertEqual(t.text(bus, "status"), "okay")
                self.assertEqual(t.cells(se, "reg"), [0x48])
                self.assertEqual(t.cells(se, "interrupts"), [25, 4])
                self.assertIsNone(t.raw(se, "reset-gpios"))
                t = put_on(board, flavour, "se-nxp-se05x", enable="17")
                self.assertEqual(t.text(se, "compatible"), "nxp,se050")
                self.assertEqual(t.cells(se, "enable-gpios")[1:], [17, 0])


class Parameters(unittest.TestCase):
    SE = SPI + "/secure-element@0"

    def test_lines(self):
        t = put_on(PI4, "rpi", "se-spi", irq="22", irq_type="2", pull="2", reset="27",
                   reset_high="", enable="5")
        self.assertEqual(t.cells(self.SE, "interrupts"), [22, 2])
        self.assertEqual(t.cells("/soc/gpio@7e200000/se-pins", "brcm,pins"), [22])
        self.assertEqual(t.cells("/soc/gpio@7e200000/se-pins", "brcm,pull"), [2])
        self.assertEqual(t.cells(self.SE, "reset-gpios")[1:], [27, 0])
        self.assertEqual(t.cells(self.SE, "enable-gpios")[1:], [5, 0])

    def test_without_lines(self):
        t = put_on(PI3, "rpi", "se-spi", noirq="", noreset="")
        self.assertIsNone(t.raw(self.SE, "interrupts"))
        self.assertIsNone(t.raw(self.SE, "reset-gpios"))
        self.assertEqual(t.cells(self.SE, "reg"), [0])

    def test_chip_select(self):
        t = put_on(PI3, "rpi", "se-spi", cs="1")
        self.assertEqual(t.cells(self.SE, "reg"), [1])
        self.assertEqual(t.text(SPI + "/spidev@1", "status"), "disabled")
        self.assertIsNone(t.raw(SPI + "/spidev@0", "status"))
        t = put_on(PI3, "rpi", "se-spi")
        self.assertEqual(t.text(SPI + "/spidev@0", "status"), "disabled")
        self.assertIsNone(t.raw(SPI + "/spidev@1", "status"))

    def test_numbers_and_names(self):
        t = put_on(PI3, "debian", "se-spi", speed="4000000", dialect="iso-crc", poll="500",
                   guard="250")
        self.assertEqual(t.cells(self.SE, "spi-max-frequency"), [4000000])
        self.assertEqual(t.text(self.SE, "sesame,dialect"), "iso-crc")
        self.assertEqual(t.cells(self.SE, "sesame,poll-interval-us"), [500])
        self.assertEqual(t.cells(self.SE, "sesame,guard-time-us"), [250])

    def test_dual(self):
        t = put_on(PI4, "rpi", "se-spi-dual", irq1="6", noirq0="", noreset1="", dialect1="nxp",
                   speed="1000000", irq_type1="8", pull1="2")
        one = SPI + "/secure-element@1"
        self.assertIsNone(t.raw(self.SE, "interrupts"))
        self.assertEqual(t.cells(one, "interrupts"), [6, 8])
        self.assertEqual([t.cells(f"/soc/gpio@7e200000/se{i}-pins", "brcm,pull") for i in (0, 1)],
                         [[1], [2]])
        self.assertIsNone(t.raw(one, "reset-gpios"))
        self.assertEqual(t.text(one, "sesame,dialect"), "nxp")
        for se in self.SE, one:
            self.assertEqual(t.cells(se, "spi-max-frequency"), [1000000])

    def test_i2c(self):
        t = put_on(PI4, "rpi", "se-i2c", addr="0x20", reset="4", dialect="um11225", noirq="")
        se = I2C + "/secure-element@48"
        self.assertEqual(t.cells(se, "reg"), [0x20])
        self.assertEqual(t.cells(se, "reset-gpios")[1:], [4, 1])
        self.assertIsNone(t.raw(se, "interrupts"))

    def test_st33(self):
        t = put_on(PI4, "rpi", "se-st33", irq="25", cs="1", noreset="")
        self.assertEqual(t.cells(self.SE, "interrupts"), [25, 4])
        self.assertEqual(t.cells(self.SE, "reg"), [1])
        self.assertIsNone(t.raw(self.SE, "reset-gpios"))

    def test_every_parameter_is_understood(self):
        for flavour in "rpi", "debian", "debian-rp1":
            folder = os.path.join(OVERLAYS, flavour)
            for name in sorted(f for f in os.listdir(folder) if f.endswith(".dtbo")):
                with open(os.path.join(folder, name), "rb") as f:
                    blob = f.read()
                fdt = libfdt.Fdt(blob)
                off = fdt.first_property_offset(fdt.path_offset("/__overrides__"))
                while off >= 0:
                    param = fdt.get_property_by_offset(off).name
                    with self.subTest(overlay=f"{flavour}/{name}", param=param):
                        self.assertNotEqual(overrides.apply(blob, {param: "1"}), blob)
                    off = fdt.next_property_offset(off, [libfdt.NOTFOUND])

    def test_unknown_parameter(self):
        with self.assertRaises(overrides.BadOverride):
            put_on(PI3, "rpi", "se-spi", irqs="22")


if __name__ == "__main__":
    unittest.main()
