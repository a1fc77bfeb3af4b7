if HAVE_GTEST
check_PROGRAMS += %D%/wire_tests
%C%_wire_tests_SOURCES = %D%/frame_test.cc %D%/messages_test.cc %D%/srp_vectors.h %D%/tls_test.cc
%C%_wire_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_wire_tests_LDADD = src/wire/libwire.a src/srp/libsrp.a src/crypto/libcrypto.a \
	src/base/libbase.a $(SSL_LIBS) $(CRYPTO_LIBS) $(FMT_LIBS) \
	$(SECCOMP_LIBS) $(UNIT_LIBS)
endif
