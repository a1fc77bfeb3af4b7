# The load for test/bench/server.py; built by `make bench` only.
EXTRA_PROGRAMS += %D%/server_load
%C%_server_load_SOURCES = %D%/server_load.cc %D%/member.cc %D%/member.h
%C%_server_load_LDADD = src/report/libreport.a src/wire/libwire.a src/srp/libsrp.a \
	src/sys/libsys.a src/crypto/libcrypto.a src/base/libbase.a $(SSL_LIBS) $(CRYPTO_LIBS) \
	$(FMT_LIBS)
EXTRA_DIST += %D%/server.py
bench: %D%/server_load$(EXEEXT)
.PHONY: bench
