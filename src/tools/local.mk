if BUILD_CLIENT
sbin_PROGRAMS += samhain_setpwd
samhain_setpwd_SOURCES = %D%/samhain_setpwd.cc
samhain_setpwd_LDADD = src/srp/libsrp.a src/crypto/libcrypto.a src/sys/libsys.a src/base/libbase.a \
	$(CRYPTO_LIBS) $(FMT_LIBS)
endif

if BUILD_SERVER
sbin_PROGRAMS += yulectl
yulectl_SOURCES = %D%/yulectl.cc %D%/yulectl_table.cc %D%/yulectl_table.h
yulectl_CPPFLAGS = $(AM_CPPFLAGS) $(PATH_CPPFLAGS)
yulectl_LDADD = src/sys/libsys.a src/base/libbase.a $(FMT_LIBS)
endif
