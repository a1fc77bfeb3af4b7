if HAVE_GTEST
check_PROGRAMS += %D%/crypto_tests
%C%_crypto_tests_SOURCES = %D%/bignum_test.cc %D%/digest_test.cc %D%/mac_test.cc \
	%D%/random_test.cc %D%/sign_test.cc
%C%_crypto_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_crypto_tests_LDADD = src/crypto/libcrypto.a src/base/libbase.a $(CRYPTO_LIBS) $(UNIT_LIBS)
endif
