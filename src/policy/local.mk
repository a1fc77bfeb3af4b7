noinst_LIBRARIES += %D%/libpolicy.a
%C%_libpolicy_a_SOURCES = %D%/attributes.h %D%/file_magic.h %D%/file_types.cc %D%/file_types.h \
	%D%/pattern.cc %D%/pattern.h %D%/policy.cc %D%/policy.h \
	%D%/redefinition.cc %D%/redefinition.h %D%/schedule.cc %D%/schedule.h \
	%D%/settings.cc %D%/settings.h %D%/skip.cc %D%/skip.h %D%/tree.cc %D%/watch.cc
