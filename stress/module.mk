# stress: ashlar-stress, a scenario a file, against the prefixed library.

STRESS_SRC := $(wildcard stress/*.c)
STRESS_OBJ := $(STRESS_SRC:%.c=$(B)/%.o)

# The allocator's calls of these functions go through fault.c, which can make them fail.
STRESS_WRAP := -Wl,--wrap=mmap,--wrap=munmap,--wrap=mremap,--wrap=madvise,--wrap=mprotect

$(B)/stress/%.o: stress/%.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) $(DEPS) -fno-builtin-malloc -fno-builtin-free -Ialloc/include \
	    -c -o $@ $<

$(B)/ashlar-stress: $(STRESS_OBJ) $(B)/libashlar_prefixed.a
	$(CC) $(OPT) $(STRESS_WRAP) -o $@ $(STRESS_OBJ) $(B)/libashlar_prefixed.a -ldl -lm -pthread

.PHONY: stress
stress: $(B)/ashlar-stress  ## build the stress program

ALL        += $(B)/ashlar-stress
CHECKS     += $(sort $(wildcard stress/test/*.bats))
CHECK_DEPS += $(B)/ashlar-stress

-include $(STRESS_OBJ:.o=.d)
