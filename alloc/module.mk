# alloc: the allocator's three libraries. Sources stand in the order of the floors (ci/floors.txt).

ALLOC_SRCS := $(addprefix alloc/, \
	util/diag.c util/tree.c util/size_class.c util/conf.c \
	os/pages.c os/process.c os/mutex.c os/base.c \
	heap/pagemap.c heap/demand.c heap/hooks.c heap/extent.c heap/run.c heap/purge.c heap/misuse.c \
	heap/bin.c heap/large.c heap/huge.c heap/arena.c \
	thread/tcache.c thread/thread.c thread/tcaches.c \
	prof/prof.c \
	api/boot.c api/early.c api/entry.c api/explicit.c api/extended.c api/cxx.c \
	inspect/stats.c inspect/mallinfo.c inspect/check.c inspect/picture.c \
	inspect/ctl.c inspect/report.c)

# Hidden by default: inside the library every call and every variable is reached directly. A builtin
# malloc would let the compiler turn our own malloc + memset into a call of our calloc. Joining the two
# stores of free into one vector costs more moves than it saves.
ALLOC_CFLAGS = $(CSTD) $(OPT) -g $(CWARN) -fPIC -fvisibility=hidden -fno-builtin-malloc \
	-fno-builtin-calloc -fno-tree-slp-vectorize -fexceptions -Ialloc/include $(DEPS)

ALLOC_OBJS          := $(ALLOC_SRCS:alloc/%.c=$(B)/alloc/override/%.o)
ALLOC_PREFIXED_OBJS := $(filter-out %/api/cxx.o %/inspect/mallinfo.o,$(ALLOC_SRCS:alloc/%.c=$(B)/alloc/prefixed/%.o))

$(B)/alloc/override/%.o: alloc/%.c
	@mkdir -p $(@D)
	$(CC) $(ALLOC_CFLAGS) -DASHLAR_OVERRIDE -c $< -o $@

$(B)/alloc/prefixed/%.o: alloc/%.c
	@mkdir -p $(@D)
	$(CC) $(ALLOC_CFLAGS) -c $< -o $@

# The name that programs remember. Beside the library stands a link of that name, so that they find it
# in the build folder as they do where it is installed.
ALLOC_SONAME  := libashlar.so.1
ALLOC_SO_OBJS := $(ALLOC_OBJS) $(B)/alloc/override/api/early_tls.o
ALLOC_SO_LINK  = $(CC) $(OPT) -shared -Wl,-soname,$(ALLOC_SONAME) -Wl,-z,now

$(B)/libashlar.so: $(ALLOC_SO_OBJS)
	$(ALLOC_SO_LINK) -o $@ $^ -lpthread
	@ln -sf $(@F) $(@D)/$(ALLOC_SONAME)

# How that was linked, for `ashlar aa`, which links the same objects in other orders: the command, then
# an object a line, as they are called from here.
$(B)/libashlar.so.link: $(B)/libashlar.so
	@printf '%s\n' '$(ALLOC_SO_LINK) -o "$$OUT" $$OBJECTS -lpthread' $(ALLOC_SO_OBJS:$(B)/%=%) >$@

# An archive of one object: who takes malloc from it takes all of it, and never a part of the C
# library's malloc as well. What is hidden becomes local: a program may have a `conf` of its own.
$(B)/alloc/libashlar.o: $(ALLOC_OBJS)
	$(LD) -r -o $@ $^
	$(OBJCOPY) --localize-hidden $@

$(B)/alloc/libashlar_prefixed.o: $(ALLOC_PREFIXED_OBJS)
	$(LD) -r -o $@ $^
	$(OBJCOPY) --localize-hidden $@

$(B)/%.a: $(B)/alloc/%.o
	@rm -f $@
	$(AR) rcs $@ $^

-include $(ALLOC_OBJS:.o=.d) $(ALLOC_PREFIXED_OBJS:.o=.d)

ALL += $(B)/libashlar.so $(B)/libashlar.so.link $(B)/libashlar.a $(B)/libashlar_prefixed.a

-include alloc/test/module.mk
-include alloc/test/unit/module.mk

# The picture of a small heap; alloc/README.md shows it, and picture.bats compares the two.
$(B)/picture: alloc/test/picture/demo.c $(B)/libashlar_prefixed.a
	$(CC) $(CSTD) $(OPT) $(CWARN) -Ialloc/include $^ -o $@ -lpthread

.PHONY: picture
picture: $(B)/picture  ## print the picture of a small heap
	@$(B)/picture

CHECKS     += alloc/test/picture/picture.bats
CHECK_DEPS += $(B)/picture

# What an option does to memory; alloc/TUNING.md has the figures.
$(B)/tuning: alloc/test/tuning/tuning.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) -fno-builtin $< -o $@ -lpthread

CHECKS     += alloc/test/tuning/tuning.bats
CHECK_DEPS += $(B)/tuning

# The names of mallctl() as a document: the table itself prints it, and ctl.bats compares the two.
# It prints what the library hides, so it is linked with the objects.
$(B)/ctl-names: alloc/test/ctl/names.c $(ALLOC_PREFIXED_OBJS)
	$(CC) $(CSTD) $(OPT) $(CWARN) $^ -o $@ -lpthread

.PHONY: ctl-names
ctl-names: $(B)/ctl-names  ## write alloc/inspect/ctl_names.md out of the table of ctl.c
	@$(B)/ctl-names >alloc/inspect/ctl_names.md

CHECKS     += alloc/test/ctl/ctl.bats
CHECK_DEPS += $(B)/ctl-names

CHECKS += alloc/test/early/early.bats alloc/test/exports/exports.bats
