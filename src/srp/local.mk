noinst_LIBRARIES += %D%/libsrp.a
%C%_libsrp_a_SOURCES = %D%/arithmetic.cc %D%/arithmetic.h %D%/exchange.cc %D%/exchange.h \
	%D%/group.cc %D%/group.h %D%/verifier.cc %D%/verifier.h
