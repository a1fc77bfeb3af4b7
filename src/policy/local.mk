noinst_LIBRARIES += %D%/libpolicy.a
%C%_libpolicy_a_SOURCES = %D%/attributes.h \
	%D%/policy.cc %D%/policy.h \
	%D%/redefinition.cc %D%/redefinition.h %D%/schedule.cc %D%/schedule.h \
	%D%/settings.cc %D%/settings.h %D%/tree.cc %D%/watch.cc
