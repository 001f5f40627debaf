# freezetune: `make help` lists the targets. CC, CFLAGS, LDFLAGS, PREFIX, DESTDIR and the *_CFLAGS / *_LIBS below can be
# set from outside. VARIANT picks the folder of the objects: build/release, build/asan, ...

CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
VARIANT ?= release
BUILD := build/$(VARIANT)
VERSION := 0.1.0

.DEFAULT_GOAL := all

# ---- packages: asked of pkg-config; `make deps` installs what is missing --------------------------------------------
# JPEG=turbo links libjpeg-turbo, JPEG=stb leaves JPEG to stb_image; unset, the build takes what it finds.
JPEG ?= $(if $(shell $(PKG_CONFIG) --exists libjpeg && echo yes),turbo,stb)

BLAS_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags openblas 2>/dev/null)
BLAS_LIBS ?= $(shell $(PKG_CONFIG) --libs openblas 2>/dev/null || echo -lopenblas)
PACKAGE_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags libcjson stb libxxhash 2>/dev/null)
PACKAGE_LIBS ?= $(shell $(PKG_CONFIG) --libs libcjson libxxhash 2>/dev/null || echo -lcjson -lxxhash)
ifeq ($(JPEG),turbo)
JPEG_CFLAGS ?= -DHAVE_LIBJPEG $(shell $(PKG_CONFIG) --cflags libjpeg 2>/dev/null)
JPEG_LIBS ?= $(shell $(PKG_CONFIG) --libs libjpeg 2>/dev/null || echo -ljpeg)
endif

# ---- flags ------------------------------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wvla -Wmissing-prototypes
CFLAGS ?= -O2 -g
STRICT ?= $(if $(CI),-Werror)
ALL_CFLAGS = -std=c11 $(WARNINGS) $(STRICT) $(CFLAGS) -I. -DFREEZETUNE_VERSION='"$(VERSION)"' \
	$(addprefix -isystem ,$(patsubst -I%,%,$(filter -I%,$(BLAS_CFLAGS) $(PACKAGE_CFLAGS) $(JPEG_CFLAGS)))) \
	$(filter-out -I%,$(BLAS_CFLAGS) $(PACKAGE_CFLAGS) $(JPEG_CFLAGS)) -pthread
ALL_LIBS = $(BLAS_LIBS) $(PACKAGE_LIBS) $(JPEG_LIBS) -lm -pthread

# Files named *.simd.c hold loops over channels that are compiled once for each instruction set and chosen at start by
# core/ops/cpu.c. Products and sums may be fused (FMA) there, nowhere else; nobody asks errno after a square root.
ARCH := $(shell $(CC) -dumpmachine 2>/dev/null | cut -d- -f1)
SIMD_plain := -O3 -ffp-contract=fast -fno-math-errno
ifeq ($(ARCH),x86_64)
SIMD_SETS := plain avx2 avx512
SIMD_avx2 := -O3 -ffp-contract=fast -fno-math-errno -mavx2 -mfma
SIMD_avx512 := -O3 -ffp-contract=fast -fno-math-errno -mavx2 -mfma -mavx512f -mavx512vl -mavx512dq -mavx512bw -mprefer-vector-width=512
else
SIMD_SETS := plain
endif

# ---- files ------------------------------------------------------------------------------------------------------------
SIMD_SOURCES := $(wildcard core/*/*.simd.c)
LIB_SOURCES := $(filter-out $(SIMD_SOURCES),$(wildcard core/*/*.c)) $(wildcard models/*.c weights/*.c)
CLI_SOURCES := $(wildcard cli/*.c)
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o) \
	$(foreach set,$(SIMD_SETS),$(SIMD_SOURCES:%.simd.c=$(BUILD)/%.$(set).o))
CLI_OBJECTS := $(CLI_SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libfreezetune.a
CLI_LIBRARY := $(BUILD)/libfreezetune-cli.a
PROGRAM := $(BUILD)/freezetune

UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(UNIT_SOURCES:%.c=$(BUILD)/%)
SUPPORT_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
TOOL_SOURCES := $(wildcard tests/tools/*.c)
TOOLS := $(TOOL_SOURCES:%.c=$(BUILD)/%)
IDX_TO_PNG := $(BUILD)/scripts/idx_to_png
CLI_TESTS := $(wildcard tests/cli/*.bats)
TEST_LIBS := -lcmocka

all: freezetune ## build ./freezetune (the default)

freezetune: $(PROGRAM)
	@ln -sf $(PROGRAM) $@

$(PROGRAM): $(BUILD)/cli/main.o $(CLI_LIBRARY) $(LIBRARY)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(LIBRARY): $(LIB_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

# All of cli but main: for the tests.
$(CLI_LIBRARY): $(filter-out $(BUILD)/cli/main.o,$(CLI_OBJECTS))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define simd_rule
$(BUILD)/%.$(1).o: %.simd.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$(CC) $$(ALL_CFLAGS) $(SIMD_$(1)) -DSIMD_SET=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach set,$(SIMD_SETS),$(eval $(call simd_rule,$(set))))

$(UNIT_TESTS) $(TOOLS): $(BUILD)/%: $(BUILD)/%.o $(SUPPORT_OBJECTS) $(CLI_LIBRARY) $(LIBRARY)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(ALL_LIBS)

$(IDX_TO_PNG): $(BUILD)/scripts/idx_to_png.o $(LIBRARY)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

# Objects are rebuilt when the flags change.
FLAGS_NOW = $(CC) $(ALL_CFLAGS) $(LDFLAGS) $(ALL_LIBS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' > $@

# ---- what a person calls ----------------------------------------------------------------------------------------------
deps: ## install the missing packages (Debian, Ubuntu); silent when nothing is missing
	@sh scripts/deps.sh build

demo: ## the whole job on real photos, about ten minutes on two cores
	@sh scripts/deps.sh build
	@$(MAKE) --no-print-directory freezetune $(IDX_TO_PNG)
	@FREEZETUNE=$(abspath $(PROGRAM)) IDX_TO_PNG=$(abspath $(IDX_TO_PNG)) sh scripts/demo.sh

check: ## build and run all tests (under ten minutes on two cores)
	@sh scripts/deps.sh check
	@$(MAKE) --no-print-directory run-tests

run-tests: freezetune $(UNIT_TESTS) $(TOOLS) $(IDX_TO_PNG)
	@FREEZETUNE=$(abspath $(PROGRAM)) BUILD=$(abspath $(BUILD)) LC_ALL=C CMOCKA_MESSAGE_OUTPUT=TAP \
		prove --timer --failures -e '' $(TESTFLAGS) $(if $(TESTS),$(TESTS),$(UNIT_TESTS) $(CLI_TESTS))

asan: ## the whole suite under AddressSanitizer and UndefinedBehaviorSanitizer
	@sh scripts/deps.sh check
	@$(MAKE) --no-print-directory run-tests VARIANT=asan \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all' \
		LDFLAGS='-fsanitize=address,undefined'

format: ## lay out all C files by .clang-format
	clang-format -i $(shell git ls-files '*.c' '*.h')

lint: ## clang-format, clang-tidy-like warnings of a second compiler, shellcheck
	clang-format --dry-run --Werror $(shell git ls-files '*.c' '*.h')
	shellcheck $(shell git ls-files '*.sh') .ci/run
	$(MAKE) --no-print-directory VARIANT=lint CC=clang STRICT=-Werror freezetune

install: freezetune ## install the program to PREFIX (/usr/local), below DESTDIR
	install -D -m 755 $(PROGRAM) '$(DESTDIR)$(PREFIX)/bin/freezetune'

uninstall: ## remove what install made
	rm -f '$(DESTDIR)$(PREFIX)/bin/freezetune'

clean: ## remove everything that was built
	rm -rf build freezetune

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

FORCE:
.PHONY: all deps demo check run-tests asan format lint install uninstall clean help FORCE
.SECONDARY:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
