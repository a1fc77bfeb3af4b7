noinst_LIBRARIES += %D%/libspool.a
%C%_libspool_a_SOURCES = %D%/making_room.cc %D%/opening.cc %D%/segment.cc %D%/segment.h \
	%D%/segment_reader.cc %D%/segment_reader.h %D%/spool.cc %D%/spool.h %D%/state.h
