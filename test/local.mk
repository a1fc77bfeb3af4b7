# Unit tests: one program a module, test/unit/<file>_test.cc goes with each source.
UNIT_LIBS = $(GTEST_LIBS)
include test/unit/base.mk
include test/unit/crypto.mk
include test/unit/srp.mk
include test/unit/wire.mk
include test/unit/sys.mk
include test/unit/config.mk
include test/unit/policy.mk
include test/unit/report.mk
include test/unit/sink.mk
include test/unit/spool.mk
EXTRA_PROGRAMS =
include test/bench/server.mk
include test/fuzz/local.mk
include test/e2e/local.mk
