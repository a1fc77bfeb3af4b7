noinst_LIBRARIES += %D%/libreport.a
%C%_libreport_a_SOURCES = %D%/catalog.cc %D%/catalog.h %D%/codec.cc %D%/codec.h %D%/escape.cc \
	%D%/escape.h %D%/form.cc %D%/form.h %D%/threshold.cc %D%/threshold.h
