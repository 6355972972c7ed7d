# ci: set-up, the check that proves the tree, its lint, and the installation.

.PHONY: check check-deps lint install uninstall

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

CHECKS += $(sort $(wildcard ci/test/*.bats))
