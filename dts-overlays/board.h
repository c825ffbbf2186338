/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What the trees that an overlay may be put on call the header's buses.
 *
 * SE_TREE_DEBIAN      the kernel's own trees, as Debian ships them: Pi 2 to 4
 * SE_TREE_DEBIAN_RP1  the same for Pi 5, whose header hangs on the RP1. That tree
 *                     has the header's I2C, but no SPI yet
 * neither             Raspberry Pi OS, all models. Its RP1 driver takes the same
 *                     brcm,* pin properties
 */
#if defined(SE_TREE_DEBIAN_RP1)
#define SE_I2C		rp1_i2c1
#define SE_GPIO		rp1_gpio
#define SE_COMPATIBLE	"brcm,bcm2712"
#elif defined(SE_TREE_DEBIAN)
#define SE_SPI		spi
#define SE_I2C		i2c1
#define SE_GPIO		gpio
#define SE_COMPATIBLE	"brcm,bcm2835"
#else
#define SE_SPI		spi0
#define SE_I2C		i2c_arm
#define SE_GPIO		gpio
#define SE_COMPATIBLE	"brcm,bcm2835"
#define SE_SPIDEV	/* spidev0 and spidev1 sit on the chip selects */
#endif

/* The data-ready pin as an input; without power the part is idle, not ready. */
#if defined(SE_TREE_DEBIAN_RP1)
#define SE_PIN_INPUT(n)		pins = SE_PIN_NAME(n); function = "gpio"; bias-pull-down
#define SE_PIN_NAME(n)		SE_STRING(gpio##n)
#define SE_STRING(s)		#s
#define SE_PIN_PARAM(pins)	/* named, not numbered: the default pin stays an input */
#else
#define SE_PIN_INPUT(n)		brcm,pins = <n>; brcm,function = <0>; brcm,pull = <1>
#define SE_PIN_PARAM(pins)	, <&pins>,"brcm,pins:0"
#define SE_PIN_PULL
#endif
