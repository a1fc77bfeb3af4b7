if HAVE_GTEST
check_PROGRAMS += %D%/spool_tests
%C%_spool_tests_SOURCES = %D%/segment_test.cc %D%/spool_full_test.cc %D%/spool_kill_test.cc \
	%D%/spool_support.h %D%/spool_test.cc
%C%_spool_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_spool_tests_LDADD = src/spool/libspool.a src/sys/libsys.a src/crypto/libcrypto.a \
	src/base/libbase.a $(CRYPTO_LIBS) $(ZLIB_LIBS) $(FMT_LIBS) $(UNIT_LIBS)
endif
