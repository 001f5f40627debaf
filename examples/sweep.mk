# A sweep whose combinations are trained by make, as many at a time as -j says, with THREADS threads each (1). It may be
# stopped and started again by the same line, which goes on where it was (docs/batches.md). OPTIONS are those of sweep:
#
#   make -f sweep.mk -j 4 SWEEP=s OPTIONS='--data photos --freeze-until 5..9 --lr 0.001,0.01'
#
# With -k the others are trained where one fails.
FREEZETUNE ?= freezetune
SWEEP ?= s
THREADS ?= 1

# The folder is made here: --list numbers the combinations.
NUMBERS := $(shell $(FREEZETUNE) sweep --quiet $(OPTIONS) --list --resume-or-start $(SWEEP) | cut -f 1)
ifeq ($(NUMBERS),)
$(error sweep --list made no list)
endif
RUNS := $(NUMBERS:%=run-%)

finish: $(RUNS)
	$(FREEZETUNE) sweep --quiet --resume $(SWEEP) --finish

$(RUNS): run-%:
	$(FREEZETUNE) sweep --quiet --threads $(THREADS) --resume $(SWEEP) --run $*

.PHONY: finish $(RUNS)
