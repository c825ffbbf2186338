# SPDX-License-Identifier: Apache-2.0
#
# libsesame.a: every room of daemon/ but the programs; semd and sectl on top.
# A new .c file in a room is picked up by itself; so is a new room.

V ?= release
ifeq ($(filter $(V),release san fuzz),)
$(error V=$(V): there are release, san and fuzz)
endif
OUT := build/out/$(V)

CC := gcc
AR := ar
PKGS := openssl libsystemd sqlite3 libcurl libxml-2.0 libwbxml2 libcbor libmnl libnl-genl-3.0 p11-kit-1 libzip libpcsclite
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS := $(shell pkg-config --libs $(PKGS)) -lm

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
CPPFLAGS := -D_GNU_SOURCE -Iuapi -Idaemon $(PKG_CFLAGS)
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_san := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
ifeq ($(V),fuzz)
CC := clang
endif
CFLAGS := -std=c11 $(WARN) $(CFLAGS_$(V)) -ffile-prefix-map=$(CURDIR)/=
# bound at the start: the dynamic linker would put registers, and what keys were
# in them, on the stack at the first call of a function
LDFLAGS := $(filter -fsanitize=%,$(CFLAGS_$(V))) -Wl,--as-needed,-z,relro,-z,now

PROGRAMS := semd sectl
ROOMS := $(filter-out $(PROGRAMS) ifd packaging,$(notdir $(patsubst %/,%,$(wildcard daemon/*/))))
LIB_SRC := $(wildcard $(ROOMS:%=daemon/%/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o)
LIB := $(OUT)/libsesame.a

# flags are in these files, so an object is no newer than they are
$(OUT)/%.o: %.c daemon/daemon.mk selftests/selftests.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CPPFLAGS) $(CPPFLAGS_EXTRA) $(CFLAGS) -MMD -MP -c -o $@ $<

# The folders too: a file that was removed must leave the library. Made beside it: another
# make may be linking.
$(LIB): $(LIB_OBJ) $(ROOMS:%=daemon/%)
	@echo "  AR      $@"
	@$(AR) rcs $@.$$$$ $(LIB_OBJ) && mv $@.$$$$ $@

define program
$(1)_OBJ := $$(patsubst %.c,$(OUT)/%.o,$$(wildcard daemon/$(1)/*.c))
$(OUT)/$(1): $$($(1)_OBJ) $(LIB)
	@echo "  LD      $$@"
	@$(CC) $(LDFLAGS) -o $$@ $$($(1)_OBJ) $(LIB) $(PKG_LIBS)
-include $$($(1)_OBJ:.o=.d)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))
-include $(LIB_OBJ:.o=.d)

# The handler for pcscd, with what it needs of libse: not the back end that is pcscd itself.
IFD := $(OUT)/libifd-sesame.so
IFD_SRC := $(wildcard daemon/ifd/*.c) $(filter-out %/pcsc.c %/monitor.c %/netlink.c %/nlparse.c, \
	$(wildcard daemon/libse/*.c))
IFD_OBJ := $(IFD_SRC:%.c=$(OUT)/pic/%.o)
$(IFD_OBJ): $(OUT)/pic/%.o: %.c daemon/daemon.mk
	@mkdir -p $(@D)
	@echo "  CC      $< (pic)"
	@$(CC) $(CPPFLAGS) $(CPPFLAGS_EXTRA) -DSE_WITHOUT_PCSC $(CFLAGS) \
		-fPIC -MMD -MP -c -o $@ $<
$(IFD): $(IFD_OBJ) daemon/ifd/ifd.map
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,-z,defs -Wl,-z,relro,-z,now \
		-Wl,--version-script=daemon/ifd/ifd.map -o $@ $(IFD_OBJ) -pthread
-include $(IFD_OBJ:.o=.d)

.PHONY: daemon
daemon: $(LIB) $(PROGRAMS:%=$(OUT)/%) $(IFD)
