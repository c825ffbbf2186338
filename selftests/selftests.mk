# SPDX-License-Identifier: Apache-2.0
#
# unit/test_X.c        cmocka programs on libsesame.a and the T=1 library
# unit/kunit_t1        the suites of driver/tests/, in user space
# unit/test_softse_X.c the same on softse's own code
# unit/test_card_X.c   libsesame.a and softse's card in one program
# fuzz/fuzz_X.c        libFuzzer targets (V=fuzz), seeds in fuzz/corpus/X/
# kselftest/X.c        programs that run in the virtual machine
# interop/X.c          programs that the interop scripts run
# interop/preload/X.c  libraries that they load before the C library
# bench/X.c            programs that measure
# softse/              the software SE

# There are hundreds of programs on one library: ld takes six times as long.
TEST_LD := $(if $(shell command -v ld.lld),-fuse-ld=lld)

SOFTSE_SRC := $(wildcard selftests/softse/*.c)
SOFTSE_OBJ := $(SOFTSE_SRC:%.c=$(OUT)/%.o)
SOFTSE_LIB_OBJ := $(filter-out %/main.o,$(SOFTSE_OBJ))
$(SOFTSE_OBJ): CPPFLAGS := -D_GNU_SOURCE -Iuapi $(PKG_CFLAGS)
$(OUT)/libsoftse.a: $(SOFTSE_LIB_OBJ) selftests/softse
	@ar rcs $@.$$$$ $(SOFTSE_LIB_OBJ) && mv $@.$$$$ $@
$(OUT)/softse: $(SOFTSE_OBJ)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -o $@ $^ -lcrypto
-include $(SOFTSE_OBJ:.o=.d)

# softse's card in one piece, for programs that hold libsesame.a too: only what such a test
# calls can be seen from outside, as both know names like gp_install.
SOFTSE_SEEN := applet_profile card_* profile_* entry_* blob_* parse_hex registry_check crypto_*
$(OUT)/softse-card.o: $(OUT)/libsoftse.a
	@echo "  LD      $@"
	@ld -r -o $@.all --whole-archive $<
	@objcopy --wildcard $(SOFTSE_SEEN:%='--keep-global-symbol=%') $@.all $@ && rm -f $@.all

# The driver's T=1 engine, built for user space.
T1_SRC := $(wildcard driver/se-t1*.c driver/se-edc.c)
T1_OBJ := $(T1_SRC:%.c=$(OUT)/%.o)
$(OUT)/libset1.a: $(T1_OBJ) driver
	@ar rcs $@.$$$$ $(T1_OBJ) && mv $@.$$$$ $@
-include $(T1_OBJ:.o=.d)

# The engine's KUnit suites as a program.
KUNIT_OBJ := $(patsubst %.c,$(OUT)/%.o,$(filter-out %/se-export.c,$(wildcard driver/tests/*.c)))
$(OUT)/unit/kunit_t1: $(KUNIT_OBJ) $(OUT)/libset1.a
-include $(KUNIT_OBJ:.o=.d)

UNIT_SRC := $(wildcard selftests/unit/test_*.c)
UNIT_SOFTSE := $(patsubst selftests/unit/%.c,$(OUT)/unit/%,$(wildcard selftests/unit/test_softse_*.c))
UNIT_T1 := $(patsubst selftests/unit/%.c,$(OUT)/unit/%,$(wildcard selftests/unit/test_t1*.c))
UNIT_CARD := $(patsubst selftests/unit/%.c,$(OUT)/unit/%,$(wildcard selftests/unit/test_card_*.c))
UNIT := $(UNIT_SRC:selftests/unit/%.c=$(OUT)/unit/%) $(OUT)/unit/kunit_t1
UNIT_OBJ := $(UNIT_SRC:%.c=$(OUT)/%.o)
$(UNIT_OBJ): CPPFLAGS_EXTRA := -Idriver -Iselftests
# it loads the handler as pcscd does, and starts the SE by itself
$(OUT)/selftests/unit/test_ifd.o: CPPFLAGS_EXTRA := -Iselftests $(shell pkg-config --cflags libpcsclite)
$(OUT)/unit/test_ifd: | $(IFD) $(OUT)/softse
$(UNIT_SOFTSE): $(OUT)/unit/%: $(OUT)/selftests/unit/%.o $(OUT)/libsoftse.a
$(UNIT_T1): $(OUT)/unit/%: $(OUT)/selftests/unit/%.o $(OUT)/libset1.a
$(UNIT_CARD): $(OUT)/softse-card.o
$(filter-out $(UNIT_SOFTSE) $(UNIT_T1) %/kunit_t1,$(UNIT)): $(OUT)/unit/%: $(OUT)/selftests/unit/%.o $(LIB)
$(UNIT):
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) $(TEST_LD) -o $@ $^ $(PKG_LIBS) -lcmocka
-include $(UNIT_OBJ:.o=.d)

KSFT_SRC := $(wildcard selftests/kselftest/*.c)
KSFT_OBJ := $(KSFT_SRC:%.c=$(OUT)/%.o)
KSFT := $(KSFT_SRC:selftests/kselftest/%.c=$(OUT)/kselftest/%)
# those that play the card themselves (simcard.h), on softse's T=1
KSFT_CARD := $(patsubst %,$(OUT)/kselftest/%,soak test_fault test_i2c test_recover)
$(KSFT_OBJ): CPPFLAGS_EXTRA := -Iselftests
$(KSFT_CARD): $(OUT)/libsoftse.a
$(KSFT): $(OUT)/kselftest/%: $(OUT)/selftests/kselftest/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) $(TEST_LD) -o $@ $^ $(PKG_LIBS) -lcmocka
-include $(KSFT_OBJ:.o=.d)

INTEROP_SRC := $(wildcard selftests/interop/*.c)
INTEROP_OBJ := $(INTEROP_SRC:%.c=$(OUT)/%.o)
INTEROP := $(INTEROP_SRC:selftests/interop/%.c=$(OUT)/interop/%)
$(INTEROP): $(OUT)/interop/%: $(OUT)/selftests/interop/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) $(TEST_LD) -o $@ $^ $(PKG_LIBS)
-include $(INTEROP_OBJ:.o=.d)

# libraries that interop scripts load before the C library
PRELOAD := $(patsubst selftests/interop/preload/%.c,$(OUT)/interop/%.so,$(wildcard selftests/interop/preload/*.c))
$(PRELOAD): $(OUT)/interop/%.so: selftests/interop/preload/%.c
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(CFLAGS) -fPIC -shared -o $@ $< -ldl

BENCH_SRC := $(wildcard selftests/bench/*.c)
BENCH_OBJ := $(BENCH_SRC:%.c=$(OUT)/%.o)
BENCH := $(BENCH_SRC:selftests/bench/%.c=$(OUT)/bench/%)
$(OUT)/selftests/bench/lwm2m-fleet.o: CPPFLAGS_EXTRA := -Iselftests
$(OUT)/bench/lwm2m-fleet: $(OUT)/softse-card.o
$(BENCH): $(OUT)/bench/%: $(OUT)/selftests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) $(TEST_LD) -o $@ $^ $(PKG_LIBS)
-include $(BENCH_OBJ:.o=.d)

FUZZ_SRC := $(wildcard selftests/fuzz/fuzz_*.c)
FUZZ_OBJ := $(FUZZ_SRC:%.c=$(OUT)/%.o)
FUZZERS := $(FUZZ_SRC:selftests/fuzz/%.c=$(OUT)/fuzz/%)
# libFuzzer calls LLVMFuzzerTestOneInput; no header declares it
$(FUZZ_OBJ): CPPFLAGS_EXTRA := -Idriver -Iselftests -Wno-missing-prototypes
FUZZ_T1 := $(filter %/fuzz_t1 %/fuzz_cip %/fuzz_atr,$(FUZZERS))
FUZZ_SOFTSE := $(patsubst selftests/fuzz/%.c,$(OUT)/fuzz/%,$(wildcard selftests/fuzz/fuzz_softse_*.c))
$(FUZZ_T1): $(OUT)/fuzz/%: $(OUT)/selftests/fuzz/%.o $(OUT)/libset1.a
$(FUZZ_SOFTSE): $(OUT)/fuzz/%: $(OUT)/selftests/fuzz/%.o $(OUT)/libsoftse.a
$(filter-out $(FUZZ_T1) $(FUZZ_SOFTSE),$(FUZZERS)): $(OUT)/fuzz/%: $(OUT)/selftests/fuzz/%.o $(LIB)
$(FUZZERS):
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@[ "$(V)" = fuzz ] || { echo "fuzz targets are built with V=fuzz" >&2; exit 1; }
	@$(CC) -fsanitize=fuzzer,address,undefined $(TEST_LD) -o $@ $^ $(PKG_LIBS)
-include $(FUZZ_OBJ:.o=.d)

.PHONY: softse tests unit fuzzers
softse: $(OUT)/softse
tests: $(UNIT) $(KSFT) $(INTEROP) $(PRELOAD) $(BENCH)
fuzzers: $(FUZZERS)
unit: $(UNIT)
	@selftests/rig/run-unit $(UNIT)
