noinst_LIBRARIES += %D%/libsys.a
%C%_libsys_a_SOURCES = %D%/channel.cc %D%/channel.h %D%/channel_queue.cc %D%/channel_queue.h \
	%D%/loop.cc %D%/loop.h
