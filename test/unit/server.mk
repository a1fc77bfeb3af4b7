if HAVE_GTEST
if BUILD_SERVER
check_PROGRAMS += %D%/server_tests
# Its own main(): the program is also the resolvers that it starts.
%C%_server_tests_SOURCES = %D%/server_main.cc %D%/fake_clock.h %D%/fake_resolver.cc \
	%D%/fake_resolver.h %D%/client_table_test.cc %D%/commands_test.cc %D%/lookups_test.cc %D%/ledger_test.cc %D%/limiter_test.cc \
	%D%/file_store_test.cc %D%/front_transfer_test.cc \
	%D%/link_test.cc %D%/name_check_test.cc %D%/roster_test.cc %D%/server_options_test.cc \
	%D%/server_requests_test.cc %D%/server_settings_test.cc %D%/scratch.h %D%/status_page_test.cc \
	%D%/relay_test.cc %D%/separate_logs_test.cc %D%/syslog_packet_test.cc
%C%_server_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -iquote $(top_srcdir)/test
%C%_server_tests_LDADD = $(server_libs) $(server_system_libs) -lgtest
endif
endif
