# SPDX-License-Identifier: Apache-2.0
#
# Every overlay, once for each tree that it can be put on:
#   rpi         Raspberry Pi OS, all models
#   debian      the kernel's own trees of Debian, Raspberry Pi 2 to 4
#   debian-rp1  the same for Raspberry Pi 5; its header has no SPI in them yet

DTSO := $(wildcard dts-overlays/*.dtso)
DTSO_I2C := $(shell grep -l 'SE_I2C' $(DTSO))
DTBO := $(DTSO:dts-overlays/%.dtso=build/overlays/rpi/%.dtbo) \
	$(DTSO:dts-overlays/%.dtso=build/overlays/debian/%.dtbo) \
	$(DTSO_I2C:dts-overlays/%.dtso=build/overlays/debian-rp1/%.dtbo)

build/overlays/debian/%.dtbo: SE_TREE := -DSE_TREE_DEBIAN
build/overlays/debian-rp1/%.dtbo: SE_TREE := -DSE_TREE_DEBIAN_RP1

# A part's lines are fragments of their own, so that a parameter can leave them
# out; their nodes repeat the name, without the address.
DTC_FLAGS := -@ -Wno-unit_address_vs_reg

define overlay_rule
build/overlays/$(1)/%.dtbo: dts-overlays/%.dtso dts-overlays/board.h dts-overlays/spi0-debian.dtsi
	@mkdir -p $$(@D)
	@echo "  DTC     $$@"
	@cpp -nostdinc -undef -D__DTS__ $$(SE_TREE) -x assembler-with-cpp -Idts-overlays $$< -o $$@.pre
	@dtc -I dts -O dtb $$(DTC_FLAGS) -o $$@ $$@.pre
	@rm $$@.pre
endef
$(foreach tree,rpi debian debian-rp1,$(eval $(call overlay_rule,$(tree))))

.PHONY: overlays
overlays: $(DTBO)
