if HAVE_GTEST
if BUILD_SERVER
check_PROGRAMS += %D%/tools_tests
%C%_tools_tests_SOURCES = %D%/baseline_diff_test.cc %D%/scratch.h src/tools/baseline_diff.cc \
	src/tools/waiting_baselines.cc
%C%_tools_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_tools_tests_LDADD = src/baseline/libbaseline.a src/crypto/libcrypto.a src/sys/libsys.a \
	src/base/libbase.a $(CRYPTO_LIBS) $(FMT_LIBS) $(UNIT_LIBS)
endif
endif
