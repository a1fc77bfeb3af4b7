# The way to a server: the agent's, and that of a yule that relays to another.
noinst_LIBRARIES += %D%/libuplink.a
%C%_libuplink_a_SOURCES = %D%/courier.cc %D%/courier.h %D%/errand.h %D%/identity.cc %D%/identity.h %D%/link.cc \
	%D%/link.h %D%/password.cc %D%/password.h %D%/requests.cc %D%/requests.h %D%/resolver.cc \
	%D%/resolver.h %D%/session.cc %D%/session.h %D%/session_files.cc %D%/session_servers.cc \
	%D%/store.cc %D%/store.h %D%/transfer.cc %D%/transfer.h \
	%D%/upload.cc %D%/upload.h
noinst_HEADERS += include/samhain/password_slot.h

UPLINK_LIBS = src/uplink/libuplink.a src/spool/libspool.a src/wire/libwire.a src/srp/libsrp.a \
	src/report/libreport.a src/crypto/libcrypto.a src/sys/libsys.a src/base/libbase.a $(SSL_LIBS) \
	$(CRYPTO_LIBS) $(ZLIB_LIBS) $(SECCOMP_LIBS) $(FMT_LIBS)
