noinst_LIBRARIES += %D%/libbase.a
%C%_libbase_a_SOURCES = %D%/base64.cc %D%/base64.h %D%/clock.cc %D%/clock.h %D%/codec.h %D%/die.cc %D%/die.h %D%/hex.cc \
	%D%/hex.h %D%/text.cc %D%/text.h %D%/wipe.h
