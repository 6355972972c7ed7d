# ci: set-up, the check that proves the tree, its lint, coverage, and the installation.

.PHONY: check check-deps lint install uninstall coverage coverage-run

# Set-up comes before the build, and the build re-reads the module files with the packages there.
check:  ## install what is missing, build all, run every test (ONLY=regex: some of them)
	@ci/setup.sh check
	@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc)) \
	    all check-deps
	@ASHLAR_BUILD='$(abspath $(B))' ONLY='$(ONLY)' ci/check.sh \
	    $(filter $(CHECKS),$(LONG_CHECKS)) $(filter-out $(LONG_CHECKS),$(CHECKS))

check-deps: $(CHECK_DEPS)

# A first run does not know yet what takes long, and would end with one core at rest.
LONG_CHECKS := stress/test/stress.bats stress/test/mutants.bats ci/test/compilers.bats \
	ci/test/memcheck.bats ci/test/sanitizers.bats ci/test/programs.bats harness/test/run.bats

lint:  ## dependencies point down, headers compile alone, scripts are clean
	@ci/lint.sh

# DESTDIR, PREFIX and the like reach the script by the environment, where make puts what it was given.
install: all  ## put all below PREFIX (/usr/local), in DESTDIR if given
	@B='$(B)' ci/install/install.sh install

uninstall:  ## take away what `make install` put there
	@B='$(B)' ci/install/install.sh uninstall

# Without optimisation, so that a line is a line; children of unit tests write their counts by __gcov_dump.
COVERAGE_OPT := -O0 -g --coverage -fprofile-update=atomic -Wl,-u,__gcov_dump
COVERED      := $(filter $(B)/test/%,$(CHECKS)) $(sort $(wildcard alloc/test/api/*.bats))

coverage:  ## which lines of alloc/ its tests reach, a line a file
	@ci/setup.sh check
	@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc)) \
	    B='$(B)/coverage' CC=gcc CXX=g++ OPT='$(COVERAGE_OPT)' coverage-run

coverage-run: $(filter $(B)/%,$(COVERED)) $(if $(filter %.bats,$(COVERED)),$(API_PROGRAMS) $(API_CONTROLS))
	@ci/coverage.sh '$(abspath $(B))' $(COVERED)

CHECKS += $(sort $(wildcard ci/test/*.bats))
