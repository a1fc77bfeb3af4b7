# The samples in etc/ and the manual pages of the configuration files, against the real tables.
if HAVE_GTEST
if BUILD_CLIENT
check_PROGRAMS += %D%/samhainrc_tests
%C%_samhainrc_tests_SOURCES = %D%/config_pages.h %D%/samhainrc_test.cc
%C%_samhainrc_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -DTOP_SRCDIR='"$(abs_top_srcdir)"'
%C%_samhainrc_tests_LDADD = src/agent/libagent.a src/scan/libscan.a src/policy/libpolicy.a src/config/libconfig.a \
	src/report/libreport.a src/crypto/libcrypto.a src/sys/libsys.a src/base/libbase.a \
	$(CRYPTO_LIBS) $(FMT_LIBS) $(UNIT_LIBS)
endif
if BUILD_SERVER
check_PROGRAMS += %D%/yulerc_tests
%C%_yulerc_tests_SOURCES = %D%/config_pages.h %D%/yulerc_test.cc
%C%_yulerc_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -DTOP_SRCDIR='"$(abs_top_srcdir)"'
%C%_yulerc_tests_LDADD = src/server/libserver.a src/srp/libsrp.a src/config/libconfig.a \
	src/report/libreport.a src/crypto/libcrypto.a src/sys/libsys.a src/base/libbase.a \
	$(CRYPTO_LIBS) $(FMT_LIBS) $(UNIT_LIBS)
endif
endif
