# bench: the workloads (ashlar-bench), the microbenchmarks (ashlar-micro), the floor of an
# allocation (liblimit.so) and the shims that test them.

BENCH_OBJS   := $(patsubst bench/%.c,$(B)/bench/%.o,\
                  $(wildcard bench/*.c bench/core/*.c bench/workload/*.c))
BENCH_SHIMS  := $(patsubst bench/test/%.c,$(B)/bench/test/%.so,$(wildcard bench/test/*_shim.c))

ALL          += $(B)/ashlar-bench $(B)/ashlar-micro $(B)/liblimit.so
CHECKS       += $(sort $(wildcard bench/test/*.bats))
CHECK_DEPS   += $(B)/ashlar-bench $(B)/ashlar-micro $(B)/liblimit.so $(BENCH_SHIMS) \
              $(B)/bench/test/doors

$(B)/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) $(DEPS) -fPIE -pthread -Ibench -c $< -o $@

# Dynamically linked and without an allocator: the linker finds the one under test at run time.
$(B)/ashlar-bench: $(BENCH_OBJS)
	@mkdir -p $(@D)
	$(CC) $(OPT) -pie -pthread $^ -lm -o $@

$(B)/ashlar-micro: bench/micro/micro.cpp
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -fsized-deallocation $(OPT) $(CXXWARN) $(DEPS) -MF $(B)/bench/micro.d \
	    $< -lbenchmark -lpthread -ldl -o $@

# Without builtins: gcc would make a call of calloc out of malloc and memset, inside calloc too.
$(B)/liblimit.so: bench/limit/limit.c
	@mkdir -p $(@D) $(B)/bench
	$(CC) $(CSTD) $(OPT) $(CWARN) $(DEPS) -MF $(B)/bench/limit.d -fno-builtin -fPIC -shared -pthread $< -o $@

# Without builtins too: every call in it is meant.
$(B)/bench/test/doors: bench/test/doors.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) $(DEPS) -fno-builtin -pthread $< -o $@

$(B)/bench/test/%.so: bench/test/%.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) $(DEPS) -fPIC -shared -pthread $< -o $@

-include $(BENCH_OBJS:.o=.d) $(B)/bench/micro.d $(BENCH_SHIMS:.so=.d) \
         $(B)/bench/limit.d $(B)/bench/test/doors.d

# Real programs: a driver each, and the small helper that starts what they measure.
BENCH_PROGRAMS := $(patsubst bench/%,$(B)/%,$(wildcard bench/programs/*.sh)) $(B)/programs/once
ALL            += $(BENCH_PROGRAMS)
CHECK_DEPS     += $(BENCH_PROGRAMS)

$(B)/programs/%.sh: bench/programs/%.sh
	@mkdir -p $(@D)
	cp $< $@

$(B)/programs/once: bench/programs/once.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) -fPIE -pie $< -o $@
