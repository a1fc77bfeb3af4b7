if HAVE_GTEST
check_PROGRAMS += %D%/policy_tests
%C%_policy_tests_SOURCES = %D%/file_types_test.cc %D%/policy_test.cc %D%/redefinition_test.cc \
	%D%/schedule_test.cc %D%/skip_test.cc %D%/tree_property_test.cc %D%/tree_test.cc \
	%D%/watch_test.cc
%C%_policy_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_policy_tests_LDADD = src/policy/libpolicy.a src/config/libconfig.a src/report/libreport.a \
	src/base/libbase.a $(FMT_LIBS) $(UNIT_LIBS)
endif
