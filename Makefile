# SPDX-License-Identifier: Apache-2.0
#
# The front door. Everything is built and tested in a Debian 13 root that the
# rig makes under build/; on a Debian 13 machine that has the packages of
# selftests/rig/packages, NATIVE=1 builds in place.
#
# Rules live beside what they build: daemon/daemon.mk (library and programs),
# selftests/selftests.mk (tests, fuzzers, softse), driver/driver.mk (modules).

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

RIG := selftests/rig

.PHONY: help
help:
	@sed -n 's/^## //p' Makefile

## make demo      the main job, start to end, in a virtual machine; DM=1: over OMA DM
## make demo-card a device that begins with its card: bootstrap, DTLS, an application
## make check     every test that needs only Debian and npm packages
## make board     an emulated Raspberry Pi 3 with an SE HAT, semd running: its shell
## make check-board     the driver on that board
## make check-kernels   the modules against every supported kernel's headers
## make check-debug     kernel tests under KASAN, lockdep, kmemleak, faults
## make soak            long runs under fault, N= KN= SEED=
## make bench           the driver against user space over spidev; on a quiet machine
## make check-interop   peers from other registries (needs a JDK, Maven and pip)
## make deb       Debian packages, into build/deb; ARCH="amd64 arm64"
## make check-deb       they install, upgrade, start and go, in a clean Debian 13
## make shell     an interactive shell in the virtual machine, stack running
## make           build modules, daemon, tools and tests
## make overlays  device tree overlays, into build/overlays
## make dkms      the modules as a DKMS source tree, into build/dkms
## make clean     remove what was built; make distclean: the root as well
##
## V=san builds with ASan and UBSan into its own folder; NATIVE=1 uses this
## machine instead of the Debian 13 root under build/.

ifdef NATIVE

include daemon/daemon.mk
include selftests/selftests.mk
include driver/driver.mk
include dts-overlays/overlays.mk

.PHONY: all
all: daemon softse modules tests

else

IN_ROOT := $(RIG)/in-root
# what make was asked for, less what only the host can do
INNER := all daemon softse modules dkms overlays tests unit fuzzers

.PHONY: all $(filter-out all,$(INNER))
$(INNER): root
	@$(IN_ROOT) $(MAKE) NATIVE=1 $@ $(if $(V),V=$(V))

ON_HOST := demo demo-card check check-interop check-kernels check-debug check-board check-deb deb soak
ON_HOST += bench shell
.PHONY: root $(ON_HOST)
root:
	@$(RIG)/make-root

$(ON_HOST): root
	@$(RIG)/$@
.PHONY: board
board: root
	@$(RIG)/board/shell

endif

.DEFAULT_GOAL := all

.PHONY: clean distclean
clean:
	rm -rf build/out build/kmod build/vm
distclean: clean
	rm -rf build
