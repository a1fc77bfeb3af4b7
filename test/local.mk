# Unit tests: one program a module, test/unit/<file>_test.cc goes with each source.
UNIT_LIBS = $(GTEST_LIBS)
include test/unit/base.mk
include test/unit/crypto.mk
include test/unit/srp.mk
include test/unit/wire.mk
include test/unit/sys.mk
include test/unit/config.mk
include test/unit/policy.mk
include test/unit/config_pages.mk
include test/unit/report.mk
include test/unit/sink.mk
include test/unit/spool.mk
include test/unit/baseline.mk
include test/unit/scan.mk
include test/unit/uplink.mk
include test/unit/agent.mk
include test/unit/server.mk
include test/unit/tools.mk
EXTRA_PROGRAMS =
include test/bench/floor.mk
include test/bench/server.mk
include test/fuzz/local.mk
include test/e2e/local.mk

EXTRA_DIST += %D%/precompiled.h
CLEANFILES += config.h.pch config.h.gch
config.h.pch: config.h %D%/precompiled.h
	$(AM_V_GEN)rm -f $@ && \
	$(CXXCOMPILE) $(GTEST_CFLAGS) -fpch-instantiate-templates -x c++-header -o $@ $(srcdir)/%D%/precompiled.h

config.h.gch: config.h %D%/precompiled.h
	$(AM_V_GEN)rm -f $@ && \
	$(CXXCOMPILE) $(GTEST_CFLAGS) -x c++-header -o $@ $(srcdir)/%D%/precompiled.h
