# Ashlar: an allocator, the workloads and stress that judge allocators, and one command that compares them.
# `make help` lists the targets. Every folder states its own targets in its module.mk.

SHELL      := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS  += --no-builtin-rules
.DEFAULT_GOAL := all

B          := build
CC         ?= gcc
CXX        ?= g++
ifeq ($(origin CC),default)
CC         := gcc
endif
ifeq ($(origin CXX),default)
CXX        := g++
endif
AR         ?= ar
OBJCOPY    ?= objcopy
OPT        ?= -O2
WARN       := -Wall -Wextra -Wshadow -Wstrict-prototypes
CWARN      := $(WARN)
CXXWARN    := -Wall -Wextra -Wshadow
DEPS        = -MMD -MP
CSTD       := -std=c11 -D_GNU_SOURCE

ALLOCATORS ?= glibc ashlar
SUITE      ?= quick

# Filled by the module files: what `make all` builds, and what `make check` runs (one path a test:
# a .bats file or a program that prints TAP).
ALL        :=
CHECKS     :=
CHECK_DEPS :=

include alloc/module.mk
include bench/module.mk
include stress/module.mk
include harness/module.mk
include ci/module.mk

.PHONY: all
all: $(ALL)  ## build everything into build/

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: clean
clean:  ## remove build/
	rm -rf $(B)
