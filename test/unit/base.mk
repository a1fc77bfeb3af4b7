if HAVE_GTEST
check_PROGRAMS += %D%/base_tests
%C%_base_tests_SOURCES = %D%/base_test.cc
%C%_base_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
%C%_base_tests_LDADD = src/base/libbase.a $(UNIT_LIBS)
endif
