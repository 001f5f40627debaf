# freezetune: `make help` lists the targets. CC, CPPFLAGS, CFLAGS, LDFLAGS, PREFIX, DESTDIR and the *_CFLAGS / *_LIBS below can
# be set from outside. VARIANT picks the folder of the objects: build/release, build/asan, ... V=1 shows the commands.

PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
VARIANT ?= release
BUILD := build/$(VARIANT)
VERSION := 0.1.0
ARCH := $(shell $(CC) -dumpmachine 2>/dev/null | cut -d- -f1)

.DEFAULT_GOAL := all

# ---- packages: asked of pkg-config; `make deps` installs what is missing ----------------------------------------------
# OpenBLAS comes in several builds, of which Debian makes one the system's. The one wanted here has its own threads (which
# core/ops/blas.c can turn off); an OpenMP build takes its own way. Where the pthread build is installed it is taken,
# and found at run time, whichever of them the system has chosen.
#   BLAS=load   loads it when a product first needs it, by the name (SONAME) of the library found here: the default
#   BLAS=link   links it; the default where BLAS_LIBS says what to link
#   BLAS=inside links its sgemm alone and starts it when a product first needs it: `make static`
BLAS ?= $(if $(filter undefined,$(origin BLAS_LIBS)),load,link)
PKG_CONFIG_DIRS := $(subst :, ,$(shell $(PKG_CONFIG) --variable pc_path pkg-config 2>/dev/null))
OPENBLAS_PC := $(firstword $(wildcard $(PKG_CONFIG_DIRS:%/pkgconfig=%/openblas-pthread/pkgconfig/openblas.pc)) openblas)
OPENBLAS_DIR := $(if $(filter %.pc,$(OPENBLAS_PC)),$(shell $(PKG_CONFIG) --variable libdir $(OPENBLAS_PC)))
BLAS_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags $(OPENBLAS_PC) 2>/dev/null)
ifeq ($(BLAS),load)
OPENBLAS_LIBRARY := $(firstword $(wildcard $(addsuffix /libopenblas.so,$(OPENBLAS_DIR) \
	$(shell $(PKG_CONFIG) --variable libdir openblas 2>/dev/null))) $(shell $(CC) -print-file-name=libopenblas.so 2>/dev/null))
BLAS_SONAME ?= $(or $(shell LC_ALL=C readelf -d $(OPENBLAS_LIBRARY) 2>/dev/null | sed -n 's/.*SONAME.*\[\(.*\)\].*/\1/p'),libopenblas.so.0)
BLAS_LIBS ?= $(addprefix -Wl$(comma)-rpath$(comma),$(OPENBLAS_DIR)) -ldl
BLAS_DEFINE := -DBLAS_SONAME='"$(BLAS_SONAME)"'
else ifeq ($(BLAS),inside)
OPENBLAS_ARCHIVE ?= $(firstword $(wildcard $(addsuffix /libopenblas.a,$(OPENBLAS_DIR) \
	$(shell $(PKG_CONFIG) --variable libdir openblas 2>/dev/null))) libopenblas.a)
BLAS_LIBS ?= $(BUILD)/openblas.o $(OPENBLAS_ARCHIVE)
BLAS_DEFINE := -DBLAS_INSIDE
else
BLAS_DEFINE := -DBLAS_LINKED
endif
BLAS_LIBS ?= $(shell $(PKG_CONFIG) --libs $(OPENBLAS_PC) 2>/dev/null || echo -lopenblas) \
	$(addprefix -Wl$(comma)-rpath$(comma),$(OPENBLAS_DIR))
# stb has no .pc file on older systems (Debian 11), and pkg-config then says nothing of the others either.
PACKAGE_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags libcjson libxxhash libmd libdeflate 2>/dev/null) \
	$(shell $(PKG_CONFIG) --cflags stb 2>/dev/null || echo -I/usr/include/stb)
ifneq ($(STATIC),)
# libtiff's archive leaves its own libraries open.
PACKAGE_LIBS ?= $(shell $(PKG_CONFIG) --static --libs libxxhash libmd libdeflate libtiff-4)
endif
PACKAGE_LIBS ?= $(shell $(PKG_CONFIG) --libs libcjson libxxhash libmd libdeflate 2>/dev/null || echo -lcjson -lxxhash -lmd -ldeflate)
# JPEG=turbo links libjpeg-turbo, JPEG=stb leaves JPEG to stb_image; unset, the build takes what it finds.
JPEG ?= $(if $(shell $(PKG_CONFIG) --exists libjpeg 2>/dev/null && echo yes),turbo,stb)
ifeq ($(JPEG),turbo)
JPEG_CFLAGS ?= -DHAVE_LIBJPEG $(shell $(PKG_CONFIG) --cflags libjpeg 2>/dev/null)
JPEG_LIBS ?= $(shell $(PKG_CONFIG) --libs libjpeg 2>/dev/null || echo -ljpeg)
endif
# PNG=png links libpng, PNG=stb leaves PNG to stb_image; unset, the build takes what it finds.
PNG ?= $(if $(shell $(PKG_CONFIG) --exists libpng 2>/dev/null && echo yes),png,stb)
ifeq ($(PNG),png)
PNG_CFLAGS ?= -DHAVE_LIBPNG $(shell $(PKG_CONFIG) --cflags libpng 2>/dev/null)
PNG_LIBS ?= $(shell $(PKG_CONFIG) --libs libpng 2>/dev/null || echo -lpng)
endif
# Photo formats by a library each: WEBP=libwebp, GIF=giflib, TIFF=libtiff, or empty to leave the format out; unset, the
# build takes what it finds. giflib has no .pc file on many systems, so its header is looked for. HEIC and AVIF need
# nothing here: libheif is loaded at run time.
has_package = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo $(2))
ifeq ($(origin WEBP),undefined)
WEBP := $(call has_package,libwebp,libwebp)
endif
ifeq ($(origin GIF),undefined)
GIF := $(shell printf '\043include <stddef.h>\n\043include <gif_lib.h>\n' | $(CC) $(CPPFLAGS) -x c -fsyntax-only - 2>/dev/null && echo giflib)
endif
ifeq ($(origin TIFF),undefined)
TIFF := $(call has_package,libtiff-4,libtiff)
endif
ifneq ($(WEBP),)
WEBP_CFLAGS ?= -DHAVE_LIBWEBP $(shell $(PKG_CONFIG) --cflags libwebp 2>/dev/null)
WEBP_LIBS ?= $(shell $(PKG_CONFIG) --libs libwebp 2>/dev/null || echo -lwebp)
endif
ifneq ($(GIF),)
GIF_CFLAGS ?= -DHAVE_GIFLIB
GIF_LIBS ?= -lgif
endif
ifneq ($(TIFF),)
TIFF_CFLAGS ?= -DHAVE_LIBTIFF $(shell $(PKG_CONFIG) --cflags libtiff-4 2>/dev/null)
TIFF_LIBS ?= $(shell $(PKG_CONFIG) --libs libtiff-4 2>/dev/null || echo -ltiff)
endif
# UTF8PROC=libutf8proc tells how many columns a character takes; empty: one for each.
ifeq ($(origin UTF8PROC),undefined)
UTF8PROC := $(call has_package,libutf8proc,libutf8proc)
endif
ifneq ($(UTF8PROC),)
UTF8PROC_CFLAGS ?= -DHAVE_UTF8PROC $(shell $(PKG_CONFIG) --cflags libutf8proc 2>/dev/null)
UTF8PROC_LIBS ?= $(shell $(PKG_CONFIG) --libs libutf8proc 2>/dev/null || echo -lutf8proc)
endif
comma := ,

# ---- flags ------------------------------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wvla -Wmissing-prototypes -Wpointer-arith
CFLAGS ?= -O2 -g
STRICT ?= $(if $(CI),-Werror)
# A program that reads strangers' photos and weights is hardened, unless it is built for a debugger or a sanitizer. HARDEN=
# leaves that out. What CPPFLAGS, CFLAGS and LDFLAGS say comes later and wins; only one of us may define _FORTIFY_SOURCE, and
# without optimisation nobody.
HARDEN ?= $(filter release static musl clang,$(VARIANT))
ifneq ($(HARDEN),)
HARDEN_CFLAGS := -fPIE -fstack-protector-strong $(if $(filter x86_64,$(ARCH)),-fcf-protection=full) \
	$(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,$(if $(filter -O -O1 -O2 -O3 -Os,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
HARDEN_LDFLAGS := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack $(if $(STATIC),-static-pie,-pie)
endif
# What packages bring is a system header: no warnings of ours about it.
PACKAGES_CFLAGS = $(BLAS_CFLAGS) $(PACKAGE_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS) $(WEBP_CFLAGS) $(GIF_CFLAGS) $(TIFF_CFLAGS) \
	$(UTF8PROC_CFLAGS)
ALL_CFLAGS = -std=c11 -D_DEFAULT_SOURCE $(WARNINGS) $(STRICT) $(HARDEN_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(STATIC_CFLAGS) -I. -DFREEZETUNE_VERSION='"$(VERSION)"' $(BLAS_DEFINE) $(if $(AMX),-DHAVE_AMX) \
	$(patsubst -I%,-isystem %,$(filter -I%,$(PACKAGES_CFLAGS))) $(filter-out -I%,$(PACKAGES_CFLAGS)) -pthread
ALL_LIBS = $(BLAS_LIBS) $(PACKAGE_LIBS) $(JPEG_LIBS) $(PNG_LIBS) $(WEBP_LIBS) $(GIF_LIBS) $(TIFF_LIBS) $(UTF8PROC_LIBS) -ldl -lm -pthread
ifneq ($(STATIC),)
# No path of this folder and no date goes in: the same sources make the same bytes anywhere. libheif is only ever loaded.
STATIC_CFLAGS := -DWITHOUT_LOADING -ffunction-sections -fdata-sections -ffile-prefix-map='$(CURDIR)'=.
STATIC_LDFLAGS = -Wl,--gc-sections -Wl,--build-id=sha1 -Wl,-Map=$@.map -s
ALL_LIBS := $(BUILD)/cjson/cJSON.o $(BUILD)/scripts/package/static_tiff.o -Wl,--start-group $(ALL_LIBS) -Wl,--end-group
endif

# Files named *.simd.c hold loops over channels that are compiled once for each instruction set and chosen at start by
# core/ops/cpu.c; those named *_bf16.simd.c once more each for processors that multiply pairs and tiles of bfloat16.
# Products and sums may be fused (FMA) there; nowhere else. Nobody there asks errno about a root, and a sqrtf that sets it
# would keep Adam's loop scalar.
SIMD_FLAGS := -O3 -ffp-contract=fast -fno-math-errno
SIMD_MORE =
SIMD_plain := $(SIMD_FLAGS)
ifeq ($(ARCH),x86_64)
SIMD_SETS := plain avx2 avx512
# gcc before 11 knows no tiles: what it builds multiplies pairs.
AMX := $(shell $(CC) -mamx-bf16 -x c -fsyntax-only /dev/null 2>/dev/null && echo amx)
SIMD_avx2 := $(SIMD_FLAGS) -mavx2 -mfma
SIMD_BF16 := avx512bf16 $(AMX)
SIMD_avx512 := $(SIMD_FLAGS) -mavx2 -mfma -mavx512f -mavx512vl -mavx512dq -mavx512bw -mprefer-vector-width=512
SIMD_avx512bf16 := $(SIMD_avx512) -mavx512bf16
SIMD_amx := $(SIMD_avx512bf16) -mamx-tile -mamx-bf16 -DSIMD_TILES
else ifeq ($(ARCH),aarch64)
SIMD_SETS := plain neon
SIMD_neon := $(SIMD_FLAGS)
else
SIMD_SETS := plain
endif

# ---- files ------------------------------------------------------------------------------------------------------------
SIMD_SOURCES := $(wildcard core/*/*.simd.c)
LIB_SOURCES := $(filter-out $(SIMD_SOURCES),$(wildcard core/*/*.c)) $(wildcard models/*.c weights/*.c weights/*/*.c)
MPI_SOURCES := cli/shell/group_mpi.c cli/shell/watch_mpi.c
CLI_SOURCES := $(filter-out $(MPI_SOURCES),$(wildcard cli/*.c cli/*/*.c cli/*/*/*.c))
PAGE_FILES := $(wildcard cli/report/html/*.css cli/report/html/*.js)
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o) \
	$(foreach set,$(SIMD_SETS),$(SIMD_SOURCES:%.simd.c=$(BUILD)/%.$(set).o)) \
	$(foreach set,$(SIMD_BF16),$(patsubst %.simd.c,$(BUILD)/%.$(set).o,$(filter %_bf16.simd.c,$(SIMD_SOURCES))))
TEXT_FILES := $(PAGE_FILES) docs/completion.bash
CLI_OBJECTS := $(CLI_SOURCES:%.c=$(BUILD)/%.o) $(TEXT_FILES:%=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libfreezetune.a
CLI_LIBRARY := $(BUILD)/libfreezetune-cli.a
PROGRAM := $(BUILD)/freezetune

IDX_TO_PNG := $(BUILD)/scripts/idx_to_png

# ---- building ---------------------------------------------------------------------------------------------------------
# A line per file; V=1 shows the whole commands.
say = @$(if $(V),,printf '  %-4s %s\n' $(1) $@;)
quiet = $(if $(V),,@)
LINK = $(CC) $(CFLAGS) $(HARDEN_LDFLAGS) $(STATIC_LDFLAGS) $(LDFLAGS) $(LINK_MORE) -o $@ $^

all: freezetune ## build ./freezetune (the default)

# ./freezetune is the release build; the other variants stay in their folders.
freezetune: $(PROGRAM)
	@$(if $(filter release,$(VARIANT)),ln -sf $(PROGRAM) $@)

$(PROGRAM): $(BUILD)/cli/main.o $(CLI_LIBRARY) $(LIBRARY)
	$(call say,LD)
	$(quiet)$(LINK) $(ALL_LIBS)

# The same program for several processes, by MPICC: its group takes the place of the one in the library.
MPICC ?= mpicc
MPI_CC = OMPI_CC='$(CC)' MPICH_CC='$(CC)' $(MPICC)
MPI_LINK = $(MPI_CC) $(CFLAGS) $(HARDEN_LDFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)
MPI_BUILD := $(BUILD)/$(notdir $(MPICC))
MPI_PROGRAM := $(MPI_BUILD)/freezetune-mpi

mpi: $(MPI_PROGRAM) ## build ./freezetune-mpi, which trains with several processes; needs mpicc (scripts/deps.sh mpi)
	@ln -sf $(MPI_PROGRAM) freezetune-mpi

$(MPI_BUILD)/%.o: cli/shell/%.c $(BUILD)/flags
	$(call say,CC)
	@mkdir -p $(@D)
	$(quiet)$(MPI_CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(MPI_PROGRAM): $(BUILD)/cli/main.o $(MPI_SOURCES:cli/shell/%.c=$(MPI_BUILD)/%.o) $(CLI_LIBRARY) $(LIBRARY)
	$(call say,LD)
	$(quiet)$(MPI_LINK)

$(LIBRARY): $(LIB_OBJECTS)
	$(call say,AR)
	@rm -f $@
	$(quiet)$(AR) rcs $@ $^

# All of cli but main: for the tests.
$(CLI_LIBRARY): $(filter-out $(BUILD)/cli/main.o,$(CLI_OBJECTS))
	$(call say,AR)
	@rm -f $@
	$(quiet)$(AR) rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(call say,CC)
	@mkdir -p $(@D)
	$(quiet)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# page.css, page.js and completion.bash, as arrays of bytes named page_css and so on.
$(TEXT_FILES:%=$(BUILD)/%.c): $(BUILD)/%.c: %
	@mkdir -p $(@D)
	$(quiet){ printf 'extern const char %s[];\nconst char %s[] = {\n' $(subst .,_,$(notdir $<)) $(subst .,_,$(notdir $<)); \
		LC_ALL=C od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g'; echo '0};'; } >$@.part
	@mv $@.part $@

$(TEXT_FILES:%=$(BUILD)/%.o): %.o: %.c $(BUILD)/flags
	$(call say,CC)
	$(quiet)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define simd_rule
$(BUILD)/%.$(1).o: %.simd.c $(BUILD)/flags
	$$(call say,CC)
	@mkdir -p $$(@D)
	$$(quiet)$(CC) $$(ALL_CFLAGS) $(SIMD_$(1)) $$(SIMD_MORE) -DSIMD_SET=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach set,$(SIMD_SETS) $(SIMD_BF16),$(eval $(call simd_rule,$(set))))

$(IDX_TO_PNG): $(BUILD)/scripts/idx_to_png.o $(LIBRARY)
	$(call say,LD)
	$(quiet)$(LINK) $(ALL_LIBS)

# Objects are rebuilt when the flags change. The first build also says which packages it will not find.
FLAGS_NOW = $(CC) $(ALL_CFLAGS) $(SIMD_MORE) $(HARDEN_LDFLAGS) $(STATIC_LDFLAGS) $(LDFLAGS) $(ALL_LIBS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@[ -f $@ ] || sh scripts/deps.sh --look build
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' > $@

# The static program and the packages.
include scripts/package/package.mk

# The tests and all that checks: tests, faults and fuzzing, sanitizers, coverage, lint.
include tests/tests.mk

# ---- what a person calls ----------------------------------------------------------------------------------------------
# These call make again: after the packages are there, and on all cores unless -j was given.
again = +@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))

deps: ## install the missing packages (Debian, Ubuntu); silent when nothing is missing
	@sh scripts/deps.sh build

demo: ## the whole job on real photos, about ten minutes on two cores
	@sh scripts/deps.sh build
	$(again) freezetune $(IDX_TO_PNG)
	@FREEZETUNE='$(abspath $(PROGRAM))' IDX_TO_PNG='$(abspath $(IDX_TO_PNG))' sh scripts/demo.sh

debug: ## build build/debug/freezetune without optimisation, for a debugger
	$(again) build/debug/freezetune VARIANT=debug CFLAGS='-O0 -g3'

bench: freezetune ## beside PyTorch, ONNX Runtime and OpenVINO from PyPI (some gigabytes); options in BENCH='--rounds 3 ...'
	@python=$$(sh scripts/venv.sh --bench) && "$$python" scripts/bench/bench.py --results docs/benchmarks/results.csv $(BENCH)

bench-compare: freezetune ## beside another commit: REV=HEAD~1; options in COMPARE='--rounds 15 ...'
	@python3 scripts/bench/compare.py $(COMPARE) -- '$(REV)'

# Written from the rules above by a dry run, so that it says what a build does; tests and fuzz targets are in it.
compile_commands.json: FORCE ## write how each file is compiled, for editors and clang-tidy
	@$(MAKE) --no-print-directory -n -B V=1 VARIANT=$(VARIANT) programs | python3 scripts/compile_commands.py $@

format: ## lay out all C files by .clang-format
	clang-format -i $(shell git ls-files '*.c' '*.h')

# The man pages, one for each command, are written from --help. RUN is what runs a program that was built for another
# machine.
RUN ?=
COMMANDS := $(patsubst cli/cmd_%.c,%,$(wildcard cli/cmd_*.c))
MAN_PAGES := $(BUILD)/man/freezetune.1 $(COMMANDS:%=$(BUILD)/man/freezetune-%.1)
$(BUILD)/man/freezetune.1: docs/freezetune.1.in docs/man.sh $(PROGRAM)
	$(call say,MAN)
	@mkdir -p $(@D)
	@sh docs/man.sh $(RUN) $(PROGRAM) >$@.part
	@mv $@.part $@
$(BUILD)/man/freezetune-%.1: docs/man.sh $(PROGRAM)
	$(call say,MAN)
	@mkdir -p $(@D)
	@sh docs/man.sh --command $* $(RUN) $(PROGRAM) >$@.part
	@mv $@.part $@

# A completion for each shell, where it looks for one.
SHARE = $(DESTDIR)$(PREFIX)/share
COMPLETION_bash = $(SHARE)/bash-completion/completions/freezetune
COMPLETION_zsh = $(SHARE)/zsh/site-functions/_freezetune
COMPLETION_fish = $(SHARE)/fish/vendor_completions.d/freezetune.fish
COMPLETIONS := $(BUILD)/completion/bash $(BUILD)/completion/zsh $(BUILD)/completion/fish
$(COMPLETIONS): $(BUILD)/completion/%: $(PROGRAM)
	@mkdir -p $(@D)
	@$(RUN) $(PROGRAM) --completion $* >$@.part
	@mv $@.part $@

install: $(PROGRAM) $(MAN_PAGES) $(COMPLETIONS) ## install program, man pages, completions to PREFIX (/usr/local), below DESTDIR
	install -D -m 755 $(PROGRAM) '$(DESTDIR)$(PREFIX)/bin/freezetune'
	install -d '$(SHARE)/man/man1'
	install -m 644 $(MAN_PAGES) '$(SHARE)/man/man1'
	install -D -m 644 $(BUILD)/completion/bash '$(COMPLETION_bash)'
	install -D -m 644 $(BUILD)/completion/zsh '$(COMPLETION_zsh)'
	install -D -m 644 $(BUILD)/completion/fish '$(COMPLETION_fish)'
	install -D -m 644 LICENSE '$(SHARE)/doc/freezetune/LICENSE'
	install -D -m 644 README.md '$(SHARE)/doc/freezetune/README.md'

uninstall: ## remove what install made
	rm -f '$(DESTDIR)$(PREFIX)/bin/freezetune' '$(COMPLETION_bash)' '$(COMPLETION_zsh)' '$(COMPLETION_fish)'
	cd '$(SHARE)/man/man1' && rm -f $(notdir $(MAN_PAGES))
	rm -rf '$(SHARE)/doc/freezetune'

clean: ## remove everything that was built
	rm -rf build freezetune freezetune-mpi compile_commands.json

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9_.-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(filter %Makefile %.mk,$(MAKEFILE_LIST))

FORCE:
.PHONY: all mpi deps demo debug bench bench-compare format install uninstall clean help FORCE
.SECONDARY:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
