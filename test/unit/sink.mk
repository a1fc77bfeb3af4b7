if HAVE_GTEST
check_PROGRAMS += %D%/sink_tests
%C%_sink_tests_SOURCES = %D%/console_test.cc %D%/dispatcher_test.cc %D%/log_file_test.cc \
	%D%/sink_support.h %D%/uplink_test.cc
%C%_sink_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_sink_tests_LDADD = src/sink/libsink.a src/spool/libspool.a src/report/libreport.a \
	src/sys/libsys.a src/crypto/libcrypto.a src/base/libbase.a $(CRYPTO_LIBS) $(ZLIB_LIBS) \
	$(FMT_LIBS) $(UNIT_LIBS)
endif
