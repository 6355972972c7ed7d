# harness: the command `ashlar` and the two small programs that it starts.
# JUDGE_OBJS and JUDGE_LIBS (statistics and reports) come from harness/judge/module.mk.

-include harness/judge/module.mk

HARNESS_DIRS   := base allocators process plan machine run verbs
HARNESS_SRCS   := harness/main.c $(filter-out %/probe.c %/launch.c,\
                    $(wildcard $(HARNESS_DIRS:%=harness/%/*.c)))
HARNESS_OBJS   := $(HARNESS_SRCS:harness/%.c=$(B)/harness/%.o)
HARNESS_SUITES := $(patsubst harness/%,$(B)/%,$(wildcard harness/suites/*.ini))
HARNESS_CFLAGS  = $(CSTD) $(OPT) $(CWARN) $(DEPS) -fPIE -Iharness

HARNESS_TOOLS    := $(B)/harness/test/fake-bench $(B)/harness/test/known-calls \
                    $(B)/harness/test/deny
HARNESS_PRELOADS := $(patsubst harness/test/%.c,$(B)/harness/test/%.so,\
                      $(wildcard harness/test/preload_*.c))
HARNESS_UNITS    := $(patsubst harness/test/%.c,$(B)/harness/test/%,\
                      $(wildcard harness/test/test_*.c))

ALL        += $(B)/ashlar $(B)/ashlar-launch $(B)/ashlar-probe $(HARNESS_SUITES) \
              $(B)/libashlar-planted.so
CHECKS     += $(sort $(wildcard harness/test/*.bats)) $(HARNESS_UNITS)
CHECK_DEPS += $(B)/ashlar $(B)/ashlar-launch $(B)/ashlar-probe $(HARNESS_SUITES) \
              $(B)/libashlar.so $(B)/libashlar.so.link $(B)/libashlar-planted.so \
              $(B)/ashlar-bench $(B)/ashlar-micro \
              $(HARNESS_TOOLS) $(HARNESS_PRELOADS) $(HARNESS_UNITS)

# Exit codes 1 and 3 are verdicts (somebody is worse, nothing can be said), not failures to compare.
.PHONY: compare
compare:  ## run the quick suite on ashlar against glibc and write results/latest/report.html
	ci/setup.sh compare
	$(MAKE) --no-print-directory all
	$(B)/ashlar compare --suite $(SUITE) --allocators "$(ALLOCATORS)" || \
	  case $$? in 1|3) ;; *) exit 1 ;; esac

$(B)/harness/%.o: harness/%.c
	@mkdir -p $(@D)
	$(CC) $(HARNESS_CFLAGS) -c $< -o $@

$(B)/ashlar: $(HARNESS_OBJS) $(JUDGE_OBJS)
	$(CC) $(OPT) -pie $^ -o $@ -ljansson -linih $(JUDGE_LIBS) -lm

# The kernel's numbers with their names, of the headers that this is built with.
$(B)/harness/process/syscall_names.inc:
	@mkdir -p $(@D)
	$(CC) -dM -E -include sys/syscall.h -x c /dev/null | \
	  sed -n 's/^#define SYS_\([a-z0-9_]*\) \(__NR_[a-z0-9_]*\)$$/    [\2] = "\1",/p' | \
	  LC_ALL=C sort >$@.tmp
	test -s $@.tmp
	mv $@.tmp $@

$(B)/harness/process/trace.o: $(B)/harness/process/syscall_names.inc
$(B)/harness/process/trace.o: HARNESS_CFLAGS += -I$(B)/harness/process

$(B)/ashlar-launch: $(B)/harness/process/launch.o $(B)/harness/process/trace.o
	$(CC) $(OPT) -pie $^ -o $@

$(B)/ashlar-probe: $(B)/harness/allocators/probe.o
	$(CC) $(OPT) -pie $^ -o $@ -ldl

$(B)/suites/%.ini: harness/suites/%.ini
	@mkdir -p $(@D)
	cp $< $@

# The allocator with a plant before its doors: the same objects, but that the doors of the plant have
# another name in theirs.
PLANT_DOORS := malloc calloc realloc aligned_alloc posix_memalign

$(B)/harness/plant/entry.o: $(B)/alloc/override/api/entry.o
	@mkdir -p $(@D)
	$(OBJCOPY) $(foreach door,$(PLANT_DOORS),--redefine-sym $(door)=plant_next_$(door)) $< $@

$(B)/harness/plant/plant.o: harness/plant/plant.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) $(DEPS) -fPIC -fvisibility=hidden -fno-builtin -c $< -o $@

$(B)/libashlar-planted.so: $(filter-out %/api/entry.o,$(ALLOC_SO_OBJS)) $(B)/harness/plant/entry.o \
    $(B)/harness/plant/plant.o
	$(ALLOC_SO_LINK) -o $@ $^ -lpthread

# Tests: a bench that misbehaves on demand, programs whose system calls are known or refused,
# libraries that are no good allocators, and unit tests, which link the objects they test and
# nothing else.
$(B)/harness/test/fake-bench: $(B)/harness/test/fake_bench.o
$(B)/harness/test/known-calls: $(B)/harness/test/known_calls.o
$(B)/harness/test/deny: $(B)/harness/test/deny.o
$(HARNESS_TOOLS):
	$(CC) $(OPT) -pie $^ -o $@ -lpthread

$(B)/harness/test/preload_%.so: harness/test/preload_%.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) $(DEPS) -fno-builtin -fPIC -shared $< -o $@

HARNESS_TEST_suite    := plan/suite plan/growth base/failure base/text base/place
HARNESS_TEST_elf_file := allocators/elf_file
HARNESS_TEST_disk     := base/disk base/text
HARNESS_TEST_journal  := run/journal plan/plan_order plan/suite plan/growth base/failure base/text base/place \
                         base/chance
HARNESS_TEST_chance   := base/chance
HARNESS_TEST_curve    := run/curve base/text
HARNESS_TEST_gauge    := machine/gauge machine/environment base/text base/place base/chance

define harness_unit
$(B)/harness/test/test_$(1): $(B)/harness/test/test_$(1).o $(HARNESS_TEST_$(1):%=$(B)/harness/%.o)
	$$(CC) $$(OPT) -pie $$^ -o $$@ -lcmocka -linih -ljansson -lm
endef
$(foreach unit,$(HARNESS_UNITS:$(B)/harness/test/test_%=%),$(eval $(call harness_unit,$(unit))))

-include $(HARNESS_OBJS:.o=.d) $(B)/harness/plant/plant.d $(B)/harness/process/launch.d $(B)/harness/allocators/probe.d \
         $(HARNESS_PRELOADS:.so=.d) $(HARNESS_UNITS:=.d) $(wildcard $(B)/harness/test/*.d)
