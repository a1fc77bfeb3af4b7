noinst_LIBRARIES += %D%/libconfig.a
%C%_libconfig_a_SOURCES = %D%/checking.cc %D%/checking.h %D%/command_line.cc %D%/command_line.h %D%/conditions.cc %D%/conditions.h %D%/document.cc %D%/document.h \
	%D%/known.cc %D%/known.h %D%/settings.cc %D%/settings.h %D%/shell.cc %D%/shell.h \
	%D%/surroundings.cc %D%/values.cc %D%/values.h
