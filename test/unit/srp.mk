if HAVE_GTEST
check_PROGRAMS += %D%/srp_tests
%C%_srp_tests_SOURCES = %D%/arithmetic_test.cc %D%/exchange_test.cc %D%/group_test.cc \
	%D%/srp_vectors.h %D%/verifier_test.cc
%C%_srp_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_srp_tests_LDADD = src/srp/libsrp.a src/crypto/libcrypto.a src/base/libbase.a $(CRYPTO_LIBS) \
	$(FMT_LIBS) $(UNIT_LIBS)
endif

# The vectors above, computed once more by another language.
TESTS += %D%/srp_reference.py
EXTRA_DIST += %D%/srp_reference.py
