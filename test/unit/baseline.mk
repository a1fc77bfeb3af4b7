if HAVE_GTEST
check_PROGRAMS += %D%/baseline_tests
%C%_baseline_tests_SOURCES = \
	%D%/baseline_delta_test.cc \
	%D%/baseline_key_test.cc \
	%D%/baseline_original_test.cc \
	%D%/baseline_parts_test.cc \
	%D%/baseline_test.cc \
	%D%/baseline_trust_test.cc \
	%D%/scratch.h
%C%_baseline_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -iquote $(top_srcdir)/test
%C%_baseline_tests_LDADD = src/baseline/libbaseline.a src/sys/libsys.a src/crypto/libcrypto.a \
	src/base/libbase.a $(CRYPTO_LIBS) $(FMT_LIBS) $(UNIT_LIBS)
endif
