/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A HAT with a secure element for QEMU's Raspberry Pi 3, as a plug-in for
 * Debian's own qemu-system-aarch64:
 *
 *   -plugin se-hat.so
 *   -chardev socket,id=chip,path=…,reconnect-ms=100
 *   -device sesame-hat,bus=spi,cs=0,chardev=chip,id=se0[,drdy=25][,reset=24]…
 *
 * or, without BOARD_QEMU, as a file of a whole QEMU tree.
 *
 * The chip is softse behind its block socket. What a block is on SPI0 is known
 * when the chip select is released: so the bytes of an access go to the chip as
 * one frame, and the chip's blocks wait in a FIFO here, which is what it has of
 * hardware: while there is something in it the data-ready line is active.
 *
 * Properties, set on the command line or by qom-set while the machine runs:
 *   cs           0: GPIO 8, 1: GPIO 7
 *   drdy, reset  GPIO numbers, 255 for not wired
 *   drdy-low     data-ready is active low
 *   fill         idle byte, 0 or 255
 *   pace         bytes take the time that they take at the controller's clock
 *   one-cpu      the machine keeps its first processor only. A guest that starts no other
 *                saves the part of each TLB invalidation that goes to all of them
 *   core-hz      clock of the controller, before its divider: what the guest takes it for
 *   irq-lost     so many next announcements raise no event, though the level is there
 *   irq-late     µs that the line comes later, from now on
 *   irq-dead     the line is cut
 *   irq-stuck    the line is stuck at active
 *   irq-spurious so many more times, each 1 ms, the line is active with nothing to say
 *   short        the next block ends after so many bytes
 *   drop-out, drop-in, corrupt-out, corrupt-in, twice-out, twice-in, noise-in
 *                so many next blocks to the chip (out) or from it (in) get lost,
 *                have a byte changed, arrive twice, have one byte too many in front
 *   delay-in     µs that blocks from the chip come later, from now on
 *   brown-out    true: the chip resets itself; what it had to say is lost
 * and to be read: accesses, reads, writes, bytes, blocks, announced, resets,
 * last-hz, gpio-events, overruns.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/timer.h"
#include "chardev/char-fe.h"
#include "hw/arm/bcm2835_peripherals.h"
#include "hw/core/cpu.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "hw/ssi/ssi.h"
#include "gpio.h"
#ifdef BOARD_QEMU
#include <gmodule.h>
#include "qemu/qemu-plugin.h"
#include "qapi/qapi-commands-control.h"
#endif

#define TYPE_HAT "sesame-hat"
OBJECT_DECLARE_SIMPLE_TYPE(Hat, HAT)

#define NO_PIN 255
#define HEAD 3 /* of a frame: type, length; behind it a check byte */
#define DATA_MAX 4096
#define FIFO_ROOM 16384
#define POWER_UP 0xf0
#define POWER_DOWN 0xe0
#define BLOCK 0x80
#define SPURIOUS_US 1000

struct Hat {
    SSIPeripheral parent_obj;

    CharBackend chr;
    BCM2835SPIState *spi;
    uint8_t drdy, reset, fill;
    bool drdy_low, pace, one_cpu;
    uint32_t core_hz;

    /* the chip */
    bool connected, held; /* @held: its reset line is active */
    unsigned int atrs_due;
    bool delayed; /* what is in the FIFO has not arrived yet */
    QEMUTimer *delay_timer;
    uint8_t fifo[FIFO_ROOM];
    unsigned int fifo_off, fifo_len;
    uint8_t in[HEAD + DATA_MAX + 1];
    unsigned int in_len;

    /* the access that is under way */
    bool selected;
    uint8_t mosi[DATA_MAX];
    unsigned int mosi_len, clocked;
    int64_t since_us;

    /* the line */
    bool wanted, quiet, late, spurious, line;
    QEMUTimer *late_timer, *spurious_timer;
    bool irq_dead, irq_stuck;
    uint32_t irq_lost, irq_late, irq_spurious, short_len;
    uint32_t drop_out, drop_in, corrupt_out, corrupt_in, twice_out, twice_in, noise_in;
    uint32_t delay_in;

    uint32_t accesses, reads, writes, bytes, blocks, announced, resets, last_hz, overruns;
};

/* ---- data-ready ---------------------------------------------------------- */

static bool chip_lives(Hat *h)
{
    return h->connected && !h->held;
}

static bool has_something(Hat *h)
{
    return chip_lives(h) && h->fifo_len && !h->delayed;
}

static void line_update(Hat *h)
{
    bool wanted = has_something(h);
    bool active;

    if (wanted && !h->wanted) {
        h->announced++;
        h->quiet = h->irq_lost > 0;
        h->irq_lost -= h->quiet;
        h->late = h->irq_late > 0;
        if (h->late)
            timer_mod(h->late_timer, qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) + h->irq_late);
    }
    h->wanted = wanted;
    if (h->drdy == NO_PIN)
        return;
    active = ((wanted && !h->late) || h->spurious || h->irq_stuck) && !h->irq_dead;
    h->line = active;
    gpio_drive(h->drdy, active != h->drdy_low,
               active && h->quiet && !h->spurious && !h->irq_stuck);
}

static void late_over(void *opaque)
{
    Hat *h = opaque;

    h->late = false;
    line_update(h);
}

static void delay_over(void *opaque)
{
    Hat *h = opaque;

    h->delayed = false;
    line_update(h);
}

static void spurious_turn(void *opaque)
{
    Hat *h = opaque;

    h->spurious = !h->spurious && h->irq_spurious;
    h->irq_spurious -= h->spurious;
    line_update(h);
    if (h->spurious || h->irq_spurious)
        timer_mod(h->spurious_timer, qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) + SPURIOUS_US);
}

/* ---- frames to the chip and from it -------------------------------------- */

static void put_frame(Hat *h, uint8_t type, const uint8_t *data, unsigned int len)
{
    uint8_t frame[HEAD + DATA_MAX + 1] = { type, len >> 8, len };
    uint8_t sum = 0;

    if (!h->connected)
        return;
    if (len)
        memcpy(frame + HEAD, data, len);
    for (unsigned int i = 0; i < HEAD + len; i++)
        sum ^= frame[i];
    frame[HEAD + len] = sum;
    qemu_chr_fe_write_all(&h->chr, frame, HEAD + len + 1);
}

static void empty(Hat *h)
{
    h->fifo_off = 0;
    h->fifo_len = 0;
    h->late = false;
    h->delayed = false;
    timer_del(h->late_timer);
    timer_del(h->delay_timer);
}

static void power_up(Hat *h)
{
    empty(h);
    h->atrs_due++;
    put_frame(h, POWER_UP, NULL, 0);
    line_update(h);
}

static void power_down(Hat *h)
{
    empty(h);
    put_frame(h, POWER_DOWN, NULL, 0);
    line_update(h);
}

/* One occasion of a fault that is to happen so many times. */
static bool strikes(uint32_t *times)
{
    if (!*times)
        return false;
    --*times;
    return true;
}

static void fifo_put(Hat *h, const uint8_t *data, unsigned int len)
{
    if (h->fifo_off) {
        memmove(h->fifo, h->fifo + h->fifo_off, h->fifo_len);
        h->fifo_off = 0;
    }
    if (h->fifo_len + len > FIFO_ROOM) {
        h->overruns++;
        return;
    }
    memcpy(h->fifo + h->fifo_len, data, len);
    h->fifo_len += len;
}

static void take_block(Hat *h, uint8_t *data, unsigned int len)
{
    static const uint8_t noise = 0x5a;

    /*
     * Each power-up is answered by an ATR, which SPI has no use for; until then what
     * comes is of before. No block begins like one: that would be an odd NAD.
     */
    if (h->atrs_due) {
        if (len && (data[0] == 0x3b || data[0] == 0x3f))
            h->atrs_due--;
        return;
    }
    if (h->held || strikes(&h->drop_in))
        return;
    if (h->short_len) {
        len = MIN(len, h->short_len);
        h->short_len = 0;
    }
    if (len && strikes(&h->corrupt_in))
        data[len / 2] ^= 0x55;
    if (strikes(&h->noise_in))
        fifo_put(h, &noise, 1);
    fifo_put(h, data, len);
    if (strikes(&h->twice_in))
        fifo_put(h, data, len);
    h->blocks++;
    if (h->delay_in) {
        h->delayed = true;
        timer_mod(h->delay_timer, qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) + h->delay_in);
    }
    line_update(h);
}

static int chr_can_read(void *opaque)
{
    Hat *h = opaque;

    return sizeof(h->in) - h->in_len;
}

static void chr_read(void *opaque, const uint8_t *buf, int size)
{
    Hat *h = opaque;
    unsigned int len;

    memcpy(h->in + h->in_len, buf, size);
    h->in_len += size;
    while (h->in_len > HEAD) {
        uint8_t sum = 0;

        len = h->in[1] << 8 | h->in[2];
        if (len > DATA_MAX) {
            error_report("sesame-hat: the chip sent %u bytes in one frame", len);
            h->in_len = 0;
            return;
        }
        if (h->in_len < HEAD + len + 1)
            return;
        for (unsigned int i = 0; i < HEAD + len + 1; i++)
            sum ^= h->in[i];
        if (h->in[0] == BLOCK && !sum)
            take_block(h, h->in + HEAD, len);
        else
            error_report("sesame-hat: the chip sent a frame that is none");
        h->in_len -= HEAD + len + 1;
        memmove(h->in, h->in + HEAD + len + 1, h->in_len);
    }
}

static void chr_event(void *opaque, QEMUChrEvent event)
{
    Hat *h = opaque;

    if (event == CHR_EVENT_OPENED) {
        h->connected = true;
        h->in_len = 0;
        h->atrs_due = 0;
        if (!h->held)
            power_up(h);
    } else if (event == CHR_EVENT_CLOSED) {
        h->connected = false;
        empty(h);
        line_update(h);
    }
}

/* ---- the bus ------------------------------------------------------------- */

static bool idle(uint8_t byte)
{
    return byte == 0x00 || byte == 0xff;
}

static uint32_t hat_transfer(SSIPeripheral *dev, uint32_t val)
{
    Hat *h = HAT(dev);
    uint8_t out = h->fill;

    /* an access is of one kind: the host sends 0 or FF while it reads */
    if (h->mosi_len || (!h->clocked && !idle(val))) {
        if (h->mosi_len < DATA_MAX)
            h->mosi[h->mosi_len++] = val;
        else
            h->overruns++;
    } else if (!h->connected) {
        out = 0xff; /* nobody drives the line */
    } else if (has_something(h)) {
        out = h->fifo[h->fifo_off++];
        h->fifo_len--;
    }
    h->clocked++;
    return out;
}

/* What the bytes of an access take, if the emulation was faster. */
static void pace(Hat *h)
{
    uint32_t div = h->spi->clk & 0xffff;
    int64_t want, took;

    h->last_hz = h->core_hz / (div ? div : 65536);
    if (!h->pace || !h->last_hz)
        return;
    want = (int64_t)h->clocked * 8 * 1000000 / h->last_hz;
    took = qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) - h->since_us;
    if (took < want)
        g_usleep(want - took);
}

static int hat_set_cs(SSIPeripheral *dev, bool level)
{
    Hat *h = HAT(dev);

    if (!level) {
        h->accesses++;
        h->mosi_len = 0;
        h->clocked = 0;
        h->since_us = qemu_clock_get_us(QEMU_CLOCK_VIRTUAL);
        h->selected = true;
        return 0;
    }
    if (!h->selected)
        return 0;
    h->selected = false;
    h->bytes += h->clocked;
    if (h->clocked)
        pace(h);
    if (h->mosi_len) {
        h->writes++;
        if (chip_lives(h) && !strikes(&h->drop_out)) {
            if (strikes(&h->corrupt_out))
                h->mosi[h->mosi_len / 2] ^= 0x55;
            put_frame(h, BLOCK, h->mosi, h->mosi_len);
            if (strikes(&h->twice_out))
                put_frame(h, BLOCK, h->mosi, h->mosi_len);
        }
    } else if (h->clocked) {
        h->reads++;
    }
    line_update(h);
    return 0;
}

static void reset_line(void *opaque, int n, int level)
{
    Hat *h = opaque;

    if (h->held == !level)
        return;
    h->held = !level;
    if (h->held) {
        h->resets++;
        power_down(h);
    } else {
        power_up(h);
    }
}

/* ---- the device ---------------------------------------------------------- */

/*
 * This file knows the insides of another program: parts of the SoC have to be
 * where these headers say that they are.
 */
static bool layout_fits(BCM2835PeripheralState *p, Object *spi, Object *gpio, Error **errp)
{
    BCMSocPeripheralBaseState *base = &p->parent_obj;
    Object *dwc2 = object_resolve_path_type("", TYPE_DWC2_USB, NULL);
    Object *ic = object_resolve_path_type("", TYPE_BCM2835_IC, NULL);

    if (spi == OBJECT(&base->spi[0]) && gpio == OBJECT(&p->gpio) &&
        dwc2 == OBJECT(&base->dwc2) && ic == OBJECT(&base->ic))
        return true;
    error_setg(errp, "this QEMU lays out its objects in another way than the headers that "
                     "se-hat.so was made with: make it anew");
    return false;
}

/* The emulation forgets them before they have run; as objects they stay. */
static void forget_other_cpus(void)
{
    CPUState *cpu;

    for (int i = 1; (cpu = qemu_get_cpu(i)); i++)
        cpu_list_remove(cpu);
}

static void hat_realize(SSIPeripheral *dev, Error **errp)
{
    Hat *h = HAT(dev);
    Object *soc = object_resolve_path("/machine/soc/peripherals", NULL);
    Object *spi = object_resolve_path_type("", TYPE_BCM2835_SPI, NULL);
    Object *gpio = object_resolve_path_type("", TYPE_BCM2835_GPIO, NULL);
    BCM2835PeripheralState *p;
    DeviceState *pins;

    if (!soc || !spi || !gpio || !object_dynamic_cast(soc, TYPE_BCM2835_PERIPHERALS)) {
        error_setg(errp, "sesame-hat fits on a raspi3b (or 0 to 3) only");
        return;
    }
    p = BCM2835_PERIPHERALS(soc);
    if (!layout_fits(p, spi, gpio, errp))
        return;
    if (dev->cs_index > 1 || (h->drdy != NO_PIN && h->drdy > 27) ||
        (h->reset != NO_PIN && h->reset > 27)) {
        error_setg(errp, "the header has chip selects 0 and 1 and GPIOs up to 27");
        return;
    }
    if (h->one_cpu)
        forget_other_cpus();
    h->spi = BCM2835_SPI(spi);
    pins = DEVICE(gpio);
    gpio_inputs(BCM2835_GPIO(gpio), DEVICE(&p->parent_obj.ic));
    /* active low, and not asserted as long as nobody drives it */
    dev->cs = true;
    qdev_connect_gpio_out(pins, 8 - dev->cs_index,
                          qdev_get_gpio_in_named(DEVICE(dev), SSI_GPIO_CS, 0));
    if (h->reset != NO_PIN) {
        qdev_init_gpio_in_named_with_opaque(DEVICE(dev), reset_line, h, "reset", 1);
        qdev_connect_gpio_out(pins, h->reset, qdev_get_gpio_in_named(DEVICE(dev), "reset", 0));
    }
    h->delay_timer = timer_new_us(QEMU_CLOCK_VIRTUAL, delay_over, h);
    h->late_timer = timer_new_us(QEMU_CLOCK_VIRTUAL, late_over, h);
    h->spurious_timer = timer_new_us(QEMU_CLOCK_VIRTUAL, spurious_turn, h);
    line_update(h);
    qemu_chr_fe_set_handlers(&h->chr, chr_can_read, chr_read, chr_event, NULL, h, NULL, true);
}

static void set_brown_out(Object *obj, bool on, Error **errp)
{
    Hat *h = HAT(obj);

    if (on && chip_lives(h)) {
        power_down(h);
        power_up(h);
    }
}

static bool get_dead(Object *obj, Error **errp)
{
    return HAT(obj)->irq_dead;
}

static void set_dead(Object *obj, bool on, Error **errp)
{
    HAT(obj)->irq_dead = on;
    line_update(HAT(obj));
}

static bool get_stuck(Object *obj, Error **errp)
{
    return HAT(obj)->irq_stuck;
}

static void set_stuck(Object *obj, bool on, Error **errp)
{
    HAT(obj)->irq_stuck = on;
    line_update(HAT(obj));
}

static void get_number(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    Hat *h = HAT(obj);
    uint32_t n = 0;

    if (!strcmp(name, "irq-spurious"))
        n = h->irq_spurious;
    else if (h->drdy != NO_PIN)
        n = gpio_events(h->drdy);

    visit_type_uint32(v, name, &n, errp);
}

static void set_spurious(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    Hat *h = HAT(obj);

    if (visit_type_uint32(v, name, &h->irq_spurious, errp) && h->irq_spurious && !h->spurious)
        spurious_turn(h);
}

static void hat_init(Object *obj)
{
    Hat *h = HAT(obj);
    const struct {
        const char *name;
        uint32_t *value;
        ObjectPropertyFlags flags;
    } numbers[] = {
        { "irq-lost", &h->irq_lost, OBJ_PROP_FLAG_READWRITE },
        { "irq-late", &h->irq_late, OBJ_PROP_FLAG_READWRITE },
        { "short", &h->short_len, OBJ_PROP_FLAG_READWRITE },
        { "drop-out", &h->drop_out, OBJ_PROP_FLAG_READWRITE },
        { "drop-in", &h->drop_in, OBJ_PROP_FLAG_READWRITE },
        { "corrupt-out", &h->corrupt_out, OBJ_PROP_FLAG_READWRITE },
        { "corrupt-in", &h->corrupt_in, OBJ_PROP_FLAG_READWRITE },
        { "twice-out", &h->twice_out, OBJ_PROP_FLAG_READWRITE },
        { "twice-in", &h->twice_in, OBJ_PROP_FLAG_READWRITE },
        { "noise-in", &h->noise_in, OBJ_PROP_FLAG_READWRITE },
        { "delay-in", &h->delay_in, OBJ_PROP_FLAG_READWRITE },
        { "accesses", &h->accesses, OBJ_PROP_FLAG_READ },
        { "reads", &h->reads, OBJ_PROP_FLAG_READ },
        { "writes", &h->writes, OBJ_PROP_FLAG_READ },
        { "bytes", &h->bytes, OBJ_PROP_FLAG_READ },
        { "blocks", &h->blocks, OBJ_PROP_FLAG_READ },
        { "announced", &h->announced, OBJ_PROP_FLAG_READ },
        { "resets", &h->resets, OBJ_PROP_FLAG_READ },
        { "last-hz", &h->last_hz, OBJ_PROP_FLAG_READ },
        { "overruns", &h->overruns, OBJ_PROP_FLAG_READ },
    };

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        object_property_add_uint32_ptr(obj, numbers[i].name, numbers[i].value,
                                       numbers[i].flags);
    object_property_add_bool(obj, "brown-out", NULL, set_brown_out);
    object_property_add_bool(obj, "irq-dead", get_dead, set_dead);
    object_property_add_bool(obj, "irq-stuck", get_stuck, set_stuck);
    object_property_add(obj, "irq-spurious", "uint32", get_number, set_spurious, NULL, NULL);
    object_property_add(obj, "gpio-events", "uint32", get_number, NULL, NULL, NULL);
}

static const Property properties[] = {
    DEFINE_PROP_CHR("chardev", Hat, chr),
    DEFINE_PROP_UINT8("drdy", Hat, drdy, 25),
    DEFINE_PROP_UINT8("reset", Hat, reset, 24),
    DEFINE_PROP_UINT8("fill", Hat, fill, 0),
    DEFINE_PROP_BOOL("drdy-low", Hat, drdy_low, false),
    DEFINE_PROP_BOOL("pace", Hat, pace, true),
    DEFINE_PROP_BOOL("one-cpu", Hat, one_cpu, false),
    DEFINE_PROP_UINT32("core-hz", Hat, core_hz, 400000000),
};

static void hat_class_init(ObjectClass *klass, void *data)
{
    SSIPeripheralClass *k = SSI_PERIPHERAL_CLASS(klass);
    DeviceClass *dc = DEVICE_CLASS(klass);

    k->realize = hat_realize;
    k->transfer = hat_transfer;
    k->set_cs = hat_set_cs;
    k->cs_polarity = SSI_CS_LOW;
    dc->desc = "HAT with a secure element on SPI0";
    device_class_set_props(dc, properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo hat_info = {
    .name = TYPE_HAT,
    .parent = TYPE_SSI_PERIPHERAL,
    .instance_size = sizeof(Hat),
    .instance_init = hat_init,
    .class_init = hat_class_init,
};

#ifndef BOARD_QEMU /* a file of a QEMU tree */

static void hat_register(void)
{
    type_register_static(&hat_info);
}

type_init(hat_register)

#else

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* Before a single structure is looked at: is this the very QEMU of those headers? */
QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
                                           int argc, char **argv)
{
    VersionInfo *v = qmp_query_version(NULL);
    g_autofree char *is =
        g_strdup_printf("%" PRId64 ".%" PRId64 ".%" PRId64 " %s", v->qemu->major,
                        v->qemu->minor, v->qemu->micro, v->package);

    qapi_free_VersionInfo(v);
    if (strcmp(is, BOARD_QEMU)) {
        fprintf(stderr, "se-hat: made for QEMU " BOARD_QEMU ", this is %s\n", is);
        return -1;
    }
    if (!info->system_emulation || strcmp(info->target_name, "aarch64")) {
        fprintf(stderr, "se-hat: made for qemu-system-aarch64\n");
        return -1;
    }
    type_register_static(&hat_info);
    return 0;
}

#endif
