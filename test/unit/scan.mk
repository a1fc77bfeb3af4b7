if HAVE_GTEST
check_PROGRAMS += %D%/scan_tests
# Its own main(): the program is also the measurers that it starts.
%C%_scan_tests_SOURCES = \
	%D%/compare_test.cc \
	%D%/describe_test.cc \
	%D%/directory_chain_test.cc \
	%D%/extended_test.cc \
	%D%/facts_codec_test.cc \
	%D%/hung_file_system.h \
	%D%/measure_test.cc \
	%D%/measurer_pool_test.cc \
	%D%/pace_test.cc \
	%D%/resume_test.cc \
	%D%/scan_changes_test.cc \
	%D%/scan_gone_test.cc \
	%D%/scan_logs_test.cc \
	%D%/scan_main.cc \
	%D%/scan_names_test.cc \
	%D%/scan_paths_test.cc \
	%D%/scan_rules_test.cc \
	%D%/scan_support.h \
	%D%/scan_test.cc \
	%D%/scan_update_test.cc \
	%D%/scratch.h \
	%D%/worker_test.cc
%C%_scan_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -iquote $(top_srcdir)/test
%C%_scan_tests_LDADD = src/scan/libscan.a src/baseline/libbaseline.a src/policy/libpolicy.a \
	src/config/libconfig.a src/report/libreport.a src/sys/libsys.a src/crypto/libcrypto.a \
	src/base/libbase.a $(CRYPTO_LIBS) $(ZLIB_LIBS) $(SECCOMP_LIBS) $(FMT_LIBS) \
	-lgtest
endif
