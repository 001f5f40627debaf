# The tests, how they are built, and every target that checks something. The Makefile includes this file; it has the
# flags, the libraries and the rules for objects.

# ---- files ------------------------------------------------------------------------------------------------------------
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
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
# The program with narrow networks: most of a test's time is else spent on weights that nobody looks at.
NARROW := $(BUILD)/tests/narrow/freezetune
FAULT_TESTS := $(foreach test,$(UNIT_TESTS),$(if $(filter test_faults_%,$(notdir $(test))),$(test)))
FAULTY_CALLS := malloc calloc realloc aligned_alloc pthread_create open read pread pwrite fcntl fstat mmap opendir readdir \
	realpath mkdir mkdtemp chmod fopen mkostemps fchmod fdopen fwrite fflush fsync fseeko ftruncate fclose rename stat
CLI_TESTS := $(wildcard tests/cli/*.bats)
TEST_LIBS := -lcmocka
ALL_PROGRAMS := $(PROGRAM) $(UNIT_TESTS) $(FUZZ_TARGETS) $(TOOLS) $(IDX_TO_PNG) $(FAULTY) $(NARROW)
# What CI runs under AddressSanitizer: chosen so that it takes a third of its time.
ASAN_QUICK = $(patsubst $(BUILD)/%,build/asan-quick/%,$(UNIT_TESTS) $(FUZZ_TARGETS)) $(ASAN_QUICK_CLI:%=tests/cli/%.bats)
ASAN_QUICK_CLI := basics bad_input cache classes convert inspect_diff predict_eval pth run_lock tables threads toy
# What ThreadSanitizer looks at: whatever starts threads, shares a file between processes or is stopped by a signal.
# tests/cli/threads.bats is written for it.
TSAN_TESTS = $(addprefix build/tsan/tests/unit/,data/test_loader net/test_exec train/test_train_loop train/test_peers train/test_gradients \
	train/test_train_peers train/test_train_peers_faults \
	features/test_feature_cache features/test_feature_sharing features/test_feature_store data/test_reduce \
	data/test_overlap ops/test_blas) tests/cli/threads.bats tests/cli/run_lock.bats
TSAN_PROGRAMS = $(filter build/%,$(or $(TESTS),$(TSAN_TESTS))) $(TOOLS:$(BUILD)/%=build/tsan/%) $(FAULTY:$(BUILD)/%=build/tsan/%) $(NARROW:$(BUILD)/%=build/tsan/%)

# ---- building ---------------------------------------------------------------------------------------------------------
$(UNIT_TESTS) $(TOOLS): $(BUILD)/%: $(BUILD)/%.o $(SUPPORT_OBJECTS) $(CLI_LIBRARY) $(LIBRARY)
	$(call say,LD)
	$(quiet)$(LINK) $(TEST_LIBS) $(ALL_LIBS)

# A fuzz target with replay.c, which feeds it the saved inputs; `make fuzz` puts libFuzzer in its place.
$(FUZZ_TARGETS): $(BUILD)/%: $(BUILD)/%.o $(FUZZ_SUPPORT) $(FUZZ_DRIVER) $(CLI_LIBRARY) $(LIBRARY)
	$(call say,LD)
	$(quiet)$(LINK) $(FUZZ_LIBS) $(ALL_LIBS)

# Where calls fail, the waits between two tries are left out. The last two are what -D_FORTIFY_SOURCE makes of open and realpath.
$(FAULT_TESTS) $(FAULTY): LINK_MORE = $(FAULTY_CALLS:%=-Wl,--wrap=%) -Wl,--wrap=nanosleep \
	-Wl,--defsym=__open_2=__wrap_open -Wl,--defsym=__realpath_chk=__wrap_realpath
$(FAULT_TESTS): $(BUILD)/tests/faults/faults.o $(BUILD)/tests/faults/scenario.o

# With narrow networks a run takes a tenth of the time, so that more of its calls can fail in turn.
$(FAULTY): $(BUILD)/tests/faults/faults.o
$(FAULTY) $(NARROW): $(BUILD)/cli/main.o $(BUILD)/tests/narrow/resnet.o $(CLI_LIBRARY) $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LD)
	$(quiet)$(LINK) $(ALL_LIBS)

$(BUILD)/tests/narrow/resnet.o: models/resnet.c $(BUILD)/flags
	$(call say,CC)
	@mkdir -p $(@D)
	$(quiet)$(CC) $(ALL_CFLAGS) -DRESNET_WIDTH=4 -MMD -MP -c -o $@ $<

programs: $(ALL_PROGRAMS)

fuzz-targets: $(FUZZ_TARGETS)

# ---- the suite --------------------------------------------------------------------------------------------------------
check: ## build and run all tests, about twelve minutes on two cores (TESTS=... runs some of them)
	@sh scripts/deps.sh check
	$(again) run-tests

# Some of the tests need no other test to be linked.
run-tests: freezetune $(if $(TESTS),$(filter build/%,$(TESTS)) $(TOOLS) $(IDX_TO_PNG) $(FAULTY) $(NARROW),$(ALL_PROGRAMS))
	@FREEZETUNE='$(abspath $(PROGRAM))' BUILD='$(abspath $(BUILD))' TESTFLAGS='$(TESTFLAGS)' TEST_WHOLE=$(if $(TESTS),,yes) \
		sh tests/support/run_tests.sh $(if $(TESTS),$(TESTS),$(UNIT_TESTS) $(FUZZ_TARGETS) $(CLI_TESTS))

check-units: ## the unit tests alone: the package of Debian runs them when it is built
	$(again) run-tests TESTS='$(UNIT_TESTS)'

check-packages: ## install, try and remove wheel, deb and tarball in a new Debian below /tmp (as root; SUITE=trixie, KINDS=deb)
	@sh scripts/check-packages.sh $(or $(SUITE),$(if $(KINDS),$(shell sed -n 's/^VERSION_CODENAME=//p' /etc/os-release))) $(KINDS)

check-browser: freezetune $(BUILD)/tests/tools/make_photos ## look at reports in chromium, without a network; skips where it is not installed
	@sh scripts/check-browser.sh '$(abspath $(PROGRAM))' '$(abspath $(BUILD)/tests/tools/make_photos)'

# With narrow networks, by each MPI that is here.
MPI_NARROW := $(MPI_BUILD)/narrow/freezetune-mpi
MPIS := $(foreach mpi,openmpi mpich,$(if $(shell command -v mpicc.$(mpi) 2>/dev/null),$(mpi)))
$(MPI_NARROW): $(BUILD)/cli/main.o $(BUILD)/tests/narrow/resnet.o $(MPI_SOURCES:cli/shell/%.c=$(MPI_BUILD)/%.o) $(CLI_LIBRARY) $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LD)
	$(quiet)$(MPI_LINK)
mpi-programs: $(MPI_NARROW) $(MPI_PROGRAM)

check-mpi: freezetune $(NARROW) $(BUILD)/tests/tools/make_photos $(BUILD)/tests/tools/peak_memory ## train with several processes by Open MPI and MPICH: the bytes of one; skips where they are not installed
	@set -e; for mpi in $(MPIS); do $(MAKE) --no-print-directory MPICC=mpicc.$$mpi mpi-programs; done
	@sh scripts/check-mpi.sh $(if $(KILLS),-k $(KILLS)) '$(abspath $(NARROW))' '$(abspath $(BUILD)/tests/tools/make_photos)' \
		$(foreach mpi,$(MPIS),mpirun.$(mpi)=$(abspath $(BUILD))/mpicc.$(mpi)/narrow/freezetune-mpi)

# Open MPI's processes find each other by PMIx, MPICH's by PMI 2.
check-slurm: freezetune $(NARROW) $(BUILD)/tests/tools/make_photos ## srun one training by two tasks, stop and requeue an array of trainings, under a Slurm of its own (root); skips where it is not installed
	@set -e; for mpi in $(MPIS); do $(MAKE) --no-print-directory MPICC=mpicc.$$mpi mpi-programs; done
	@sh scripts/check-slurm.sh '$(abspath $(NARROW))' '$(abspath $(BUILD)/tests/tools/make_photos)' \
		$(foreach mpi,$(MPIS),$(if $(filter openmpi,$(mpi)),pmix,pmi2)=$(abspath $(BUILD))/mpicc.$(mpi)/narrow/freezetune-mpi)

check-stb: ## the whole suite in a build without any optional image library
	+@$(MAKE) --no-print-directory check VARIANT=stb JPEG=stb PNG=stb WEBP= GIF= TIFF=

check-aarch64: ## cross-compile for aarch64 and run the unit tests under qemu (Debian, as root)
	@sh scripts/check-aarch64.sh

check-fresh-root: ## make check and make demo in a new Debian below /tmp (as root; SUITE=bookworm)
	@sh scripts/check-fresh-root.sh $(SUITE)

# ---- the suite, observed ----------------------------------------------------------------------------------------------
# STRICT= in these: with the sanitizers' own code in it, gcc's -Wconversion sees narrowings that are not in ours.
ADDRESS_FLAGS := -fsanitize=address,undefined,float-cast-overflow
address = +@ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:$$ASAN_OPTIONS \
	UBSAN_OPTIONS=print_stacktrace=1:$$UBSAN_OPTIONS \
	$(MAKE) --no-print-directory check VARIANT=$@ STRICT= LDFLAGS='$(ADDRESS_FLAGS)' \
	CFLAGS='-O1 -g -fno-omit-frame-pointer $(ADDRESS_FLAGS) -fno-sanitize-recover=all'

asan: ## the whole suite under AddressSanitizer and UndefinedBehaviorSanitizer, hours
	@sh scripts/deps.sh check
	$(address)

# For CI. Instrumented kernels take most of the time; their bounds are checked in the same tests by guard pages
# (tests/support/guarded.c).
asan-quick: ## unit tests, fuzz inputs and part of tests/cli under the same, without instrumented kernels
	@sh scripts/deps.sh check
	$(address) SIMD_MORE=-fno-sanitize=all $(if $(TESTS),,TESTS='$(ASAN_QUICK)')

# Each race is a file below build/tsan: a program that a test kills or expects to fail could hide what it printed.
tsan: ## threads, loader, cache, two runs at once and Ctrl-C under ThreadSanitizer, about five minutes
	@sh scripts/deps.sh check
	@rm -f build/tsan/race.*
	+@status=0; TSAN_OPTIONS="halt_on_error=1:suppressions='$(abspath tests/tsan.supp)':log_path='$(abspath build/tsan/race)':$$TSAN_OPTIONS" \
		$(MAKE) --no-print-directory check VARIANT=tsan STRICT= LDFLAGS='-fsanitize=thread' \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=thread' TESTS='$(or $(TESTS),$(TSAN_TESTS))' \
		ALL_PROGRAMS='$(TSAN_PROGRAMS)' || status=$$?; \
		for race in build/tsan/race.*; do [ ! -f "$$race" ] || { cat "$$race"; status=1; }; done; exit $$status

# Counters in the loops of the kernels would keep these from being vectorised, and the suite would take hours.
coverage: ## run the whole suite and print which share of lines and branches it runs in each folder
	@sh scripts/deps.sh check
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	+@$(MAKE) --no-print-directory check VARIANT=coverage STRICT= LDFLAGS=--coverage \
		CFLAGS='-O1 -g --coverage -fprofile-update=atomic' SIMD_MORE='-fno-profile-arcs -fno-test-coverage' || \
		echo "coverage: some tests failed; what they ran is counted" >&2
	@python3 scripts/coverage.py build/coverage $(COVERAGE)

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
lint: ## layout, shell and Python checks, and who includes whom
	@sh scripts/deps.sh lint
	@sh scripts/lint.sh

build-clang: ## build all programs by clang without a warning
	@sh scripts/deps.sh check
	@sh scripts/deps.sh lint
	$(again) VARIANT=clang CC=clang STRICT=-Werror programs

# One instruction set stands for all: their code is the same.
tidy: ## clang-tidy and cppcheck over all sources of the program (.clang-tidy; TIDY=FILE... for some)
	@sh scripts/deps.sh check
	@sh scripts/deps.sh develop
	@mkdir -p build/tidy
	@$(MAKE) --no-print-directory -n -B V=1 SIMD_SETS=plain programs | python3 scripts/compile_commands.py build/tidy/compile_commands.json
	@sh scripts/tidy.sh $(TIDY)

# ---- all of it --------------------------------------------------------------------------------------------------------
check-all: ## every check that needs no other machine, some hours: .ci/run and what it leaves out
	@sh .ci/run
	$(again) asan
	$(again) tsan
	$(again) check-stb
	$(again) tidy
	$(again) mutants
	$(again) fuzz

.PHONY: programs fuzz-targets check check-units run-tests check-browser check-mpi mpi-programs check-slurm check-stb check-aarch64 check-fresh-root check-packages asan asan-quick tsan coverage mutants fuzz lint build-clang \
	tidy check-all
