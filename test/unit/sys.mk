if HAVE_GTEST
check_PROGRAMS += %D%/sys_tests
# Its own main(): the program is also the roles that it starts.
%C%_sys_tests_SOURCES = %D%/sys_main.cc %D%/sys_roles.cc %D%/sys_roles.h %D%/channel_test.cc \
	%D%/loop_test.cc %D%/role_test.cc
%C%_sys_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -iquote $(top_srcdir)/test
%C%_sys_tests_LDADD = src/sys/libsys.a src/base/libbase.a $(FMT_LIBS) $(SECCOMP_LIBS) \
	$(CAPNG_LIBS) -lgtest
endif
