noinst_LIBRARIES += %D%/libsys.a
%C%_libsys_a_SOURCES = %D%/capabilities.cc %D%/capabilities.h %D%/channel.cc %D%/channel.h \
	%D%/channel_queue.cc %D%/channel_queue.h %D%/control.cc %D%/daemon.h %D%/detached.cc \
	%D%/empty_root.cc %D%/empty_root.h %D%/file.cc %D%/file.h \
	%D%/forked.cc %D%/forked.h %D%/identity.cc %D%/identity.h %D%/landlock.cc %D%/landlock.h \
	%D%/locked_work.cc %D%/locked_work.h %D%/last_words.cc %D%/last_words.h %D%/loop.cc %D%/loop.h %D%/memory.cc %D%/memory.h \
	%D%/pid_file.cc %D%/pidfd.h %D%/resolve.cc %D%/resolve.h %D%/role.cc %D%/role.h \
	%D%/role_child.cc %D%/role_process.cc %D%/role_process.h %D%/sandbox.cc %D%/sandbox.h \
	%D%/socket.cc %D%/socket.h %D%/socket_unix.cc %D%/system_calls.cc %D%/system_calls.h \
	%D%/trust.cc
