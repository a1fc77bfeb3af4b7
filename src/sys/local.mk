noinst_LIBRARIES += %D%/libsys.a
%C%_libsys_a_SOURCES = %D%/channel.cc %D%/channel.h %D%/channel_queue.cc %D%/channel_queue.h \
	%D%/file.cc %D%/file.h %D%/loop.cc %D%/loop.h %D%/pidfd.h %D%/role.cc %D%/role.h %D%/role_child.cc \
	%D%/role_process.cc %D%/role_process.h
