noinst_LIBRARIES += %D%/libsink.a
%C%_libsink_a_SOURCES = %D%/console.cc %D%/console.h %D%/dispatcher.cc %D%/dispatcher.h %D%/exit_words.cc %D%/exit_words.h %D%/filter.h \
	%D%/log_file.cc %D%/log_file.h %D%/settle.cc %D%/status_line.cc %D%/status_line.h %D%/uplink.cc %D%/uplink.h
