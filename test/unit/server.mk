if HAVE_GTEST
if BUILD_SERVER
check_PROGRAMS += %D%/server_tests
%C%_server_tests_SOURCES = %D%/commands_test.cc %D%/fake_clock.h %D%/ledger_test.cc %D%/limiter_test.cc \
	%D%/link_test.cc %D%/roster_test.cc %D%/server_options_test.cc \
	%D%/server_requests_test.cc %D%/server_settings_test.cc
%C%_server_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_server_tests_LDADD = $(server_libs) $(server_system_libs) $(UNIT_LIBS)
endif
endif
