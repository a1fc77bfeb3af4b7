noinst_LIBRARIES += %D%/libbaseline.a
%C%_libbaseline_a_SOURCES = %D%/baseline.h %D%/key.cc %D%/reader.cc %D%/sqlite.cc %D%/sqlite.h \
	%D%/tables.h %D%/trailer.cc %D%/trailer.h %D%/writer.cc
