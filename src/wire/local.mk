noinst_LIBRARIES += %D%/libwire.a
%C%_libwire_a_SOURCES = %D%/certificate.cc %D%/certificate.h %D%/files.cc %D%/files.h \
	%D%/frame.cc %D%/frame.h \
	%D%/messages.cc %D%/messages.h %D%/tls.cc %D%/tls.h %D%/tls_error.cc %D%/tls_error.h
