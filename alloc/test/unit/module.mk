# alloc/test/unit: a cmocka program a module. NAME tests NAME.c (or NAME.h) and links the objects of
# ALLOC_SRCS up to NAME.c, none above it: what a module must not depend on is not there.

UNIT_DIR   := alloc/test/unit
UNIT_NAMES := $(filter-out unit faults,$(patsubst $(UNIT_DIR)/%.c,%,$(wildcard $(UNIT_DIR)/*.c)))

# Modules that are headers only: the last object of the floor that they need.
UNIT_LAST_bits := alloc/util/diag.c
UNIT_LAST_list := alloc/util/diag.c
UNIT_LAST_prng := alloc/util/diag.c

# Tests of what several modules do together: chunk hooks at the floor of extents, and under the doors.
UNIT_LAST_hooked     := alloc/heap/extent.c
UNIT_LAST_hookfaults := alloc/inspect/check.c

# The calls that faults.c stands before.
UNIT_WRAPS := -Wl,--wrap=mmap,--wrap=munmap,--wrap=madvise,--wrap=clock_gettime \
              -Wl,--wrap=pthread_setspecific,--wrap=sysconf,--wrap=readlink,--wrap=open,--wrap=write

UNIT_FLAGS   = $(CSTD) $(OPT) -g $(CWARN) $(DEPS)
UNIT_TESTS  := $(UNIT_NAMES:%=$(B)/test/unit/%)
UNIT_HELPERS := $(B)/test/unit/obj/unit.o $(B)/test/unit/obj/faults.o

# $(call unit_up_to,LAST,SOURCES): the sources up to and with LAST.
unit_up_to = $(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,\
             $(call unit_up_to,$(1),$(wordlist 2,$(words $(2)),$(2))))
unit_last  = $(or $(UNIT_LAST_$(1)),$(filter %/$(1).c,$(ALLOC_SRCS)))
unit_objs  = $(patsubst alloc/%.c,$(B)/alloc/prefixed/%.o,\
             $(filter-out %/cxx.c,$(call unit_up_to,$(call unit_last,$(1)),$(ALLOC_SRCS))))

# base keeps its state to itself. To break its one invariant the test reaches a variable of it.
UNIT_OPEN_BASE := $(B)/test/unit/obj/base_open.o
$(UNIT_OPEN_BASE): $(B)/alloc/prefixed/os/base.o
	@mkdir -p $(@D)
	$(OBJCOPY) --globalize-symbol=block_used $< $@
$(B)/test/unit/base: UNIT_OPEN := $(UNIT_OPEN_BASE)
$(B)/test/unit/base: $(UNIT_OPEN_BASE)

$(B)/test/unit/obj/%.o: $(UNIT_DIR)/%.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) -c $< -o $@

# An opened object stands before the one that it replaces.
define UNIT_PROGRAM
$(B)/test/unit/$(1): $(B)/test/unit/obj/$(1).o $(UNIT_HELPERS) $(call unit_objs,$(1))
	$$(CC) $$(OPT) $$(UNIT_WRAPS) -o $$@ $(B)/test/unit/obj/$(1).o $(UNIT_HELPERS) $$(UNIT_OPEN) \
	    $$(if $$(UNIT_OPEN),$(filter-out %/$(1).o,$(call unit_objs,$(1))),$(call unit_objs,$(1))) \
	    -lcmocka -lm -pthread
endef
$(foreach name,$(UNIT_NAMES),$(eval $(call UNIT_PROGRAM,$(name))))

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS)  ## build the unit tests of the allocator

CHECKS     += $(UNIT_TESTS) $(UNIT_DIR)/floors.bats
CHECK_DEPS += $(UNIT_TESTS)

-include $(wildcard $(B)/test/unit/obj/*.d)
