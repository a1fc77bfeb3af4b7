if HAVE_GTEST
if BUILD_CLIENT
check_PROGRAMS += %D%/agent_tests
%C%_agent_tests_SOURCES = \
	%D%/agent_commands_test.cc \
	%D%/agent_delta_list_test.cc \
	%D%/agent_findings_test.cc \
	%D%/agent_listing_test.cc \
	%D%/agent_options_test.cc \
	%D%/agent_progress_test.cc \
	%D%/agent_setpwd_test.cc \
	%D%/agent_settings_test.cc \
	%D%/agent_status_test.cc \
	%D%/agent_timing_test.cc \
	%D%/fake_clock.h \
	%D%/uplink_support.h
%C%_agent_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -iquote $(top_srcdir)/test/unit \
	-DBUILD_DIRECTORY='"$(abs_top_builddir)"'
%C%_agent_tests_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
endif
endif
