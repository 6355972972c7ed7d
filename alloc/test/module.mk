# alloc/test: tests that use the allocator through its doors (api/), programs that misuse it
# (misuse/) and races for the thread sanitizer (race/). The unit tests state their own targets in unit/.

TEST_DIR   := alloc/test
TEST_FLAGS  = $(CSTD) $(OPT) $(CWARN) $(DEPS) -fno-builtin -Ialloc/include
TEST_SO     = -L$(B) -lashlar -Wl,-rpath,$(abspath $(B))

# Contract tests: NAME against libashlar_prefixed.a, NAME_so against libashlar.so, NAME_libc against
# the C library (the control: what fails there is a mistake of the test).
API_NAMES := errno_rules sizes contents threads figures no_memory extended ctl ctl_stats
API_TESTS := $(API_NAMES:%=$(B)/test/api/%) $(API_NAMES:%=$(B)/test/api/%_so) $(B)/test/api/cxx
API_TESTS += $(B)/test/api/mallinfo
API_CONTROLS := $(API_NAMES:%=$(B)/test/api/%_libc) $(B)/test/api/mallinfo_libc
API_PROGRAMS := $(addprefix $(B)/test/api/,probe replay early early_static early_libc \
                static_program loaded)

DOORS_prefixed := $(B)/test/api/doors_prefixed.o
DOORS_so       := $(B)/test/api/doors_so.o
DOORS_libc     := $(B)/test/api/doors_libc.o
$(DOORS_so): TEST_FLAGS += -DDOORS_SO
$(DOORS_libc): TEST_FLAGS += -DDOORS_LIBC

$(DOORS_prefixed) $(DOORS_so) $(DOORS_libc): $(TEST_DIR)/api/doors.c
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -c -o $@ $<

$(B)/test/api/%: $(TEST_DIR)/api/%.c $(DOORS_prefixed) $(B)/libashlar_prefixed.a
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -o $@ $< $(DOORS_prefixed) $(B)/libashlar_prefixed.a \
	    -lcmocka -pthread

$(B)/test/api/%_so: $(TEST_DIR)/api/%.c $(DOORS_so) $(B)/libashlar.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -o $@ $< $(DOORS_so) $(TEST_SO) -lcmocka -pthread

$(B)/test/api/%_libc: $(TEST_DIR)/api/%.c $(DOORS_libc)
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -o $@ $< $(DOORS_libc) -lcmocka -pthread

# The promise of names, which the test walks.
$(B)/test/api/ctl $(B)/test/api/ctl_so $(B)/test/api/ctl_libc: \
    TEST_FLAGS += -DCTL_NAMES='"$(abspath $(TEST_DIR)/ctl/ctl_names.tsv)"'

# The sized forms of operator delete are off by default in clang.
$(B)/test/api/cxx: $(TEST_DIR)/api/cxx.cpp $(B)/libashlar.so
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -fsized-deallocation $(OPT) $(CXXWARN) $(DEPS) -Ialloc/include -MF $@.d -MT $@ \
	    -o $@ $< $(TEST_SO) -lcmocka -pthread

# Whole programs that the .bats files run.
$(B)/test/api/probe $(B)/test/api/early: $(B)/test/api/%: $(TEST_DIR)/api/%.c $(B)/libashlar.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -o $@ $< $(TEST_SO) -pthread

$(B)/test/api/early_static: $(TEST_DIR)/api/early.c $(B)/libashlar.a
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -DNO_IFUNC -MF $@.d -MT $@ -static -o $@ $< $(B)/libashlar.a -pthread

$(B)/test/api/early_libc: $(TEST_DIR)/api/early.c
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -o $@ $<

$(B)/test/api/static_program: $(TEST_DIR)/api/static_program.c $(B)/libashlar.a
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -static -o $@ $< $(B)/libashlar.a -pthread

# Linked as a program is, by the C library's own header.
$(B)/test/api/mallinfo: $(TEST_DIR)/api/mallinfo.c $(B)/libashlar.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -o $@ $< $(TEST_SO) -lcmocka

$(B)/test/api/mallinfo_libc: $(TEST_DIR)/api/mallinfo.c
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -DCONTROL -MF $@.d -MT $@ -o $@ $< -lcmocka

$(B)/test/api/loaded: $(TEST_DIR)/api/loaded.c $(B)/libashlar.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -o $@ $< -ldl -pthread

# A misuse a program, each against libashlar.so; and against the C library as the control.
MISUSE_NAMES    := $(patsubst $(TEST_DIR)/misuse/%.c,%,$(wildcard $(TEST_DIR)/misuse/*.c))
MISUSE_TESTS    := $(MISUSE_NAMES:%=$(B)/test/misuse/%)
MISUSE_CONTROLS := $(MISUSE_NAMES:%=$(B)/test/misuse/%_libc)

$(B)/test/misuse/%: $(TEST_DIR)/misuse/%.c $(B)/libashlar.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -o $@ $< $(TEST_SO) -pthread

$(B)/test/misuse/%_libc: $(TEST_DIR)/misuse/%.c
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -DMISUSE_LIBC -MF $@.d -MT $@ -o $@ $< -pthread

# Races, made for the thread sanitizer; without one they still check every block's contents.
# Some look inside, so all are linked with the objects: the archive hides what it hides.
RACE_TESTS := $(patsubst $(TEST_DIR)/race/%.c,$(B)/test/race/%,$(wildcard $(TEST_DIR)/race/*.c))

$(B)/test/race/%: $(TEST_DIR)/race/%.c $(ALLOC_PREFIXED_OBJS)
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -MF $@.d -MT $@ -o $@ $< $(ALLOC_PREFIXED_OBJS) -lcmocka -pthread

.PHONY: api-tests misuse-tests race-tests
api-tests: $(API_TESTS) $(API_CONTROLS) $(API_PROGRAMS)  ## build the tests of the allocator's doors
misuse-tests: $(MISUSE_TESTS) $(MISUSE_CONTROLS)  ## build the programs that misuse the allocator
race-tests: $(RACE_TESTS)  ## build the races for the thread sanitizer

CHECKS     += $(API_TESTS) $(RACE_TESTS)
CHECKS     += $(sort $(wildcard $(TEST_DIR)/api/*.bats) $(wildcard $(TEST_DIR)/misuse/*.bats))
CHECK_DEPS += $(API_TESTS) $(API_CONTROLS) $(API_PROGRAMS) $(MISUSE_TESTS) $(MISUSE_CONTROLS)
CHECK_DEPS += $(RACE_TESTS)

-include $(wildcard $(B)/test/api/*.d $(B)/test/misuse/*.d $(B)/test/race/*.d)
