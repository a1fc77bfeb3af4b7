if HAVE_GTEST
check_PROGRAMS += %D%/config_tests
%C%_config_tests_SOURCES = %D%/conditions_test.cc %D%/config_support.h %D%/document_test.cc \
	%D%/known_test.cc %D%/settings_test.cc %D%/shell_test.cc %D%/values_test.cc
%C%_config_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_config_tests_LDADD = src/config/libconfig.a src/base/libbase.a $(FMT_LIBS) $(UNIT_LIBS)
endif
