/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inputs, events and interrupts for QEMU's BCM2835 GPIO controller, which has outputs only. */
#ifndef SESAME_BOARD_GPIO_H
#define SESAME_BOARD_GPIO_H

#include "hw/gpio/bcm2835_gpio.h"

/**
 * gpio_inputs() - give the machine's GPIO controller its inputs, once
 * @gpio: the controller
 * @ic: the interrupt controller that its lines go to
 */
void gpio_inputs(BCM2835GpioState *gpio, DeviceState *ic);

/**
 * gpio_drive() - somebody outside drives a pin
 * @pin: 0 to 53
 * @level: what the pin has
 * @quiet: the level can be read, but what would have latched an event is lost
 */
void gpio_drive(unsigned int pin, bool level, bool quiet);

/** gpio_events() - how many times the controller raised its interrupt for a bank of this pin */
uint32_t gpio_events(unsigned int pin);

#endif
