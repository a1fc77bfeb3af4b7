noinst_LIBRARIES += %D%/libcrypto.a
%C%_libcrypto_a_SOURCES = %D%/bignum.cc %D%/bignum.h %D%/check.cc %D%/check.h %D%/digest.cc \
	%D%/digest.h %D%/mac.cc %D%/mac.h %D%/prepare.cc %D%/prepare.h %D%/random.cc %D%/random.h \
	%D%/sign.cc %D%/sign.h
