# SPDX-License-Identifier: Apache-2.0
#
# The modules are built in a copy, build/kmod/, so that the tree stays clean.
# Two makes at once would write the same objects, hence the lock.
# Inside a kernel tree, or by hand, Kbuild works in place:
#   make -C /lib/modules/$(uname -r)/build M=$PWD modules

KDIR ?= $(lastword $(sort $(wildcard /lib/modules/*/build)))
KMOD := build/kmod
KMOD_SRC := Kbuild $(wildcard driver/*.[ch] driver/Kbuild driver/Kconfig) $(wildcard uapi/linux/*.h)
KMOD_SRC += $(wildcard driver/tests/*.[ch] driver/tests/Kbuild)

.PHONY: modules
modules:
	@mkdir -p $(KMOD)
	@for f in $(KMOD_SRC); do mkdir -p $(KMOD)/$$(dirname $$f); \
		cmp -s $$f $(KMOD)/$$f || cp $$f $(KMOD)/$$f; done
	+@flock $(KMOD) $(MAKE) -C $(KDIR) M=$(CURDIR)/$(KMOD) CONFIG_SE_KUNIT_TEST=m \
		$(if $(W),W=$(W)) $(if $(C),C=$(C)) modules

# A source tree as DKMS wants it: dkms add build/dkms/sesame-VERSION
DKMS := build/dkms/sesame-$(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' driver/packaging/dkms.conf)
.PHONY: dkms
dkms:
	@rm -rf $(DKMS)
	@mkdir -p $(DKMS)
	@cp driver/packaging/dkms.conf $(DKMS)/
	@cp --parents $(KMOD_SRC) $(DKMS)/
