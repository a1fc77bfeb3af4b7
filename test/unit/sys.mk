if HAVE_GTEST
check_PROGRAMS += %D%/sys_tests
# Its own main(): the program is also the roles and the daemon that it starts.
%C%_sys_tests_SOURCES = %D%/sys_main.cc %D%/sys_roles.cc %D%/sys_roles.h %D%/channel_test.cc \
	%D%/daemon_test.cc %D%/file_test.cc %D%/identity_test.cc %D%/last_words_test.cc %D%/loop_test.cc \
	%D%/memory_test.cc %D%/role_test.cc \
	%D%/sandbox_test.cc %D%/socket_test.cc
%C%_sys_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -iquote $(top_srcdir)/test
%C%_sys_tests_LDADD = src/sys/libsys.a src/base/libbase.a $(FMT_LIBS) $(SECCOMP_LIBS) -lgtest
endif
