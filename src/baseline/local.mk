noinst_LIBRARIES += %D%/libbaseline.a
%C%_libbaseline_a_SOURCES = \
	%D%/baseline.h \
	%D%/entry_codec.cc \
	%D%/entry_codec.h \
	%D%/index.cc \
	%D%/index.h \
	%D%/key.cc \
	%D%/layout.cc \
	%D%/layout.h \
	%D%/original.cc \
	%D%/original.h \
	%D%/reader.cc \
	%D%/varint.h \
	%D%/writer.cc
