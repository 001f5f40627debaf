# The tests, how they are built, and every target that checks something. The Makefile includes this file; it has the
# flags, the libraries and the rules for objects.

# ---- files ------------------------------------------------------------------------------------------------------------
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(UNIT_SOURCES:%.c=$(BUILD)/%)
SUPPORT_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
TOOL_SOURCES := $(wildcard tests/tools/*.c)
TOOLS := $(TOOL_SOURCES:%.c=$(BUILD)/%)
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_TARGETS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
FUZZ_SUPPORT := $(BUILD)/tests/fuzz/fuzz.o $(BUILD)/tests/fuzz/photo_target.o \
	$(BUILD)/tests/support/feature_sample.o $(BUILD)/tests/support/train_sample.o $(BUILD)/tests/support/leaks.o
FUZZ_DRIVER = $(BUILD)/tests/fuzz/replay.o
FUZZ_LIBS =
# Calls that faults.c lets fail, in test_faults_* and in `faulty`, the program itself.
FAULTY := $(BUILD)/tests/faults/faulty
FAULT_TESTS := $(filter $(BUILD)/tests/unit/test_faults_%,$(UNIT_TESTS))
FAULTY_CALLS := malloc calloc realloc aligned_alloc pthread_create open read pread pwrite fcntl fstat mmap opendir readdir \
	realpath mkdir mkdtemp chmod fopen mkostemps fchmod fdopen fwrite fflush fsync fseeko ftruncate fclose rename flock stat
CLI_TESTS := $(wildcard tests/cli/*.bats)
TEST_LIBS := -lcmocka
ALL_PROGRAMS := $(PROGRAM) $(UNIT_TESTS) $(FUZZ_TARGETS) $(TOOLS) $(IDX_TO_PNG) $(FAULTY)

# ---- building ---------------------------------------------------------------------------------------------------------
$(UNIT_TESTS) $(TOOLS): $(BUILD)/%: $(BUILD)/%.o $(SUPPORT_OBJECTS) $(CLI_LIBRARY) $(LIBRARY)
	$(call say,LD)
	$(quiet)$(LINK) $(TEST_LIBS) $(ALL_LIBS)

# A fuzz target with replay.c, which feeds it the saved inputs; `make fuzz` puts libFuzzer in its place.
$(FUZZ_TARGETS): $(BUILD)/%: $(BUILD)/%.o $(FUZZ_SUPPORT) $(FUZZ_DRIVER) $(CLI_LIBRARY) $(LIBRARY)
	$(call say,LD)
	$(quiet)$(LINK) $(FUZZ_LIBS) $(ALL_LIBS)

# Where calls fail, the waits between two tries are left out.
$(FAULT_TESTS) $(FAULTY): LINK_MORE = $(FAULTY_CALLS:%=-Wl,--wrap=%) -Wl,--wrap=nanosleep
$(FAULT_TESTS): $(BUILD)/tests/faults/faults.o $(BUILD)/tests/faults/scenario.o

$(FAULTY): $(BUILD)/cli/main.o $(BUILD)/tests/faults/faults.o $(CLI_LIBRARY) $(LIBRARY)
	$(call say,LD)
	$(quiet)$(LINK) $(ALL_LIBS)

programs: $(ALL_PROGRAMS)

fuzz-targets: $(FUZZ_TARGETS)

# ---- the suite --------------------------------------------------------------------------------------------------------
check: ## build and run all tests, about ten minutes on two cores (TESTS=... runs some of them)
	@sh scripts/deps.sh check
	$(again) run-tests

run-tests: freezetune $(ALL_PROGRAMS)
	@FREEZETUNE='$(abspath $(PROGRAM))' BUILD='$(abspath $(BUILD))' TESTFLAGS='$(TESTFLAGS)' TEST_WHOLE=$(if $(TESTS),,yes) \
		sh tests/support/run_tests.sh $(if $(TESTS),$(TESTS),$(UNIT_TESTS) $(FUZZ_TARGETS) $(CLI_TESTS))

check-stb: ## the whole suite in a build without any optional image library
	+@$(MAKE) --no-print-directory check VARIANT=stb JPEG=stb PNG=stb WEBP= GIF= TIFF=

check-aarch64: ## cross-compile for aarch64 and run the unit tests under qemu (Debian, as root)
	@sh scripts/check-aarch64.sh

check-fresh-root: ## make check and make demo in a new Debian below /tmp (as root; SUITE=bookworm)
	@sh scripts/check-fresh-root.sh $(SUITE)

# ---- the suite, observed ----------------------------------------------------------------------------------------------
asan: ## the whole suite under AddressSanitizer and UndefinedBehaviorSanitizer
	@sh scripts/deps.sh check
	+@ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:$$ASAN_OPTIONS \
		UBSAN_OPTIONS=print_stacktrace=1:$$UBSAN_OPTIONS \
		$(MAKE) --no-print-directory check VARIANT=asan LDFLAGS='-fsanitize=address,undefined,float-cast-overflow' \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all'

mutants: ## change the code on purpose and look whether a test turns red, about half an hour (options in MUTANTS=...)
	@sh scripts/deps.sh check
	@python3 scripts/mutants.py $(MUTANTS)

# No reader of files calls a SIMD kernel, and instrumented ones take clang minutes: they are built without the sanitizers.
SECONDS ?= 60
fuzz: ## libFuzzer (clang) on every reader of files from outside, SECONDS=60 each
	@sh scripts/deps.sh lint
	+@$(MAKE) --no-print-directory fuzz-targets VARIANT=fuzz CC=clang FUZZ_DRIVER= FUZZ_LIBS=-fsanitize=fuzzer \
		SIMD_MORE=-fno-sanitize=all \
		CFLAGS='-O1 -g -Wno-pass-failed -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow -fno-sanitize-recover=all' \
		LDFLAGS='-fsanitize=address,undefined,float-cast-overflow'
	@sh scripts/fuzz.sh build/fuzz $(SECONDS)

# ---- the sources, without running them --------------------------------------------------------------------------------
lint: ## layout, shell and Python checks, and a build by clang without a warning
	@sh scripts/deps.sh check
	@sh scripts/deps.sh lint
	@sh scripts/lint.sh
	$(again) VARIANT=lint CC=clang STRICT=-Werror programs

.PHONY: programs fuzz-targets check run-tests check-stb check-aarch64 check-fresh-root asan mutants fuzz lint
