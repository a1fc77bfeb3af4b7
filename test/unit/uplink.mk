if HAVE_GTEST
check_PROGRAMS += %D%/uplink_tests
%C%_uplink_tests_SOURCES = %D%/uplink_courier_test.cc %D%/uplink_password_test.cc \
	%D%/uplink_fake_server.h %D%/uplink_files_test.cc %D%/uplink_requests_test.cc \
	%D%/uplink_servers_test.cc %D%/uplink_session_test.cc %D%/uplink_support.h %D%/uplink_uploads_test.cc \
	%D%/uplink_main.cc
%C%_uplink_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -iquote $(top_srcdir)/test/unit
%C%_uplink_tests_LDADD = $(UPLINK_LIBS) -lgtest
endif
