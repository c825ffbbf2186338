/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of the BCM2835's GPIO controller that QEMU leaves out: levels of
 * inputs, event detection by level and by edge, and its interrupts (BCM2835 ARM
 * Peripherals, chapter 6). The registers from GPLEV0 to GPAFEN1 lie over those
 * of QEMU's own model; outputs stay with that.
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "hw/irq.h"
#include "hw/intc/bcm2835_ic.h"
#include "gpio.h"

#define PINS 54
#define FIRST 0x34
#define END 0x90
#define IRQ_BASE 49 /* of the three banks, then one of all */
#define BANKS 3

enum reg { LEV, EDS, REN, FEN, HEN, LEN, AREN, AFEN, REGS };

static struct {
    BCM2835GpioState *gpio;
    MemoryRegion iomem;
    qemu_irq irq[BANKS + 1];
    uint64_t in; /* levels that somebody outside drives */
    uint64_t driven;
    uint64_t quiet; /* pins whose level raises no event at present */
    uint64_t reg[REGS];
    bool up[BANKS];
    uint32_t events[BANKS];
} g;

static unsigned int bank_of(unsigned int pin)
{
    return pin < 28 ? 0 : pin < 46 ? 1 : 2;
}

static uint64_t levels(void)
{
    uint64_t own = (uint64_t)g.gpio->lev1 << 32 | g.gpio->lev0;

    return (own & ~g.driven) | (g.in & g.driven);
}

static void update(void)
{
    static const uint64_t mask[BANKS] = {
        MAKE_64BIT_MASK(0, 28),
        MAKE_64BIT_MASK(28, 18),
        MAKE_64BIT_MASK(46, 8),
    };
    uint64_t lev = levels();
    bool any = false;

    /* a level that lasts sets its bit again as soon as it has been cleared */
    g.reg[EDS] |= ((lev & g.reg[HEN]) | (~lev & g.reg[LEN])) & ~g.quiet;
    for (int i = 0; i < BANKS; i++) {
        bool up = g.reg[EDS] & mask[i];

        g.events[i] += up && !g.up[i];
        g.up[i] = up;
        any |= up;
        qemu_set_irq(g.irq[i], up);
    }
    qemu_set_irq(g.irq[BANKS], any);
}

void gpio_drive(unsigned int pin, bool level, bool quiet)
{
    uint64_t bit = 1ULL << pin;
    bool was = levels() & bit;

    g.driven |= bit;
    g.in = level ? g.in | bit : g.in & ~bit;
    g.quiet = quiet ? g.quiet | bit : g.quiet & ~bit;
    if (level != was && !quiet)
        g.reg[EDS] |= bit & (level ? g.reg[REN] | g.reg[AREN] : g.reg[FEN] | g.reg[AFEN]);
    update();
}

uint32_t gpio_events(unsigned int pin)
{
    return g.events[bank_of(pin)];
}

/* Register and half of it at an offset; false: there is none. */
static bool find(hwaddr offset, enum reg *reg, unsigned int *shift)
{
    unsigned int n = offset / 12, part = offset % 12;

    *reg = n;
    *shift = part * 8;
    return n < REGS && part < 8 && !(part % 4);
}

static uint64_t gpio_read(void *opaque, hwaddr offset, unsigned int size)
{
    unsigned int shift;
    enum reg reg;

    if (!find(offset, &reg, &shift)) {
        qemu_log_mask(LOG_GUEST_ERROR, "sesame gpio: no register at %" HWADDR_PRIx "\n",
                      offset + FIRST);
        return 0;
    }
    return (uint32_t)((reg == LEV ? levels() : g.reg[reg]) >> shift);
}

static void gpio_write(void *opaque, hwaddr offset, uint64_t value, unsigned int size)
{
    const uint64_t pins = MAKE_64BIT_MASK(0, PINS);
    unsigned int shift;
    enum reg reg;

    if (!find(offset, &reg, &shift) || reg == LEV) {
        qemu_log_mask(LOG_GUEST_ERROR, "sesame gpio: nothing to write at %" HWADDR_PRIx "\n",
                      offset + FIRST);
        return;
    }
    value = (uint64_t)(uint32_t)value << shift;
    if (reg == EDS)
        g.reg[EDS] &= ~value;
    else
        g.reg[reg] = ((g.reg[reg] & ~(0xffffffffULL << shift)) | value) & pins;
    update();
}

static const MemoryRegionOps ops = {
    .read = gpio_read,
    .write = gpio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 4, .max_access_size = 4 },
    .valid = { .min_access_size = 4, .max_access_size = 4 },
};

void gpio_inputs(BCM2835GpioState *gpio, DeviceState *ic)
{
    if (g.gpio)
        return;
    g.gpio = gpio;
    for (int i = 0; i <= BANKS; i++)
        g.irq[i] = qdev_get_gpio_in_named(ic, BCM2835_IC_GPU_IRQ, IRQ_BASE + i);
    memory_region_init_io(&g.iomem, OBJECT(gpio), &ops, NULL, "sesame-gpio-inputs",
                          END - FIRST);
    memory_region_add_subregion_overlap(&gpio->iomem, FIRST, &g.iomem, 1);
}
