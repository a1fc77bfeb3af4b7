if BUILD_CLIENT
sbin_PROGRAMS += samhain_setpwd
samhain_setpwd_SOURCES = %D%/samhain_setpwd.cc
samhain_setpwd_LDADD = src/srp/libsrp.a src/crypto/libcrypto.a src/sys/libsys.a src/base/libbase.a \
	$(CRYPTO_LIBS) $(FMT_LIBS)
endif

if BUILD_SERVER
sbin_PROGRAMS += yulectl
yulectl_SOURCES = %D%/yulectl.cc %D%/baseline_command.cc %D%/baseline_command.h \
	%D%/baseline_diff.cc %D%/baseline_diff.h %D%/json.h %D%/locked_reading.cc %D%/locked_reading.h \
	%D%/waiting_baselines.cc %D%/waiting_baselines.h %D%/yulectl_ask.cc %D%/yulectl_ask.h \
	%D%/yulectl_table.cc %D%/yulectl_table.h
yulectl_CPPFLAGS = $(AM_CPPFLAGS) $(PATH_CPPFLAGS)
yulectl_LDADD = src/baseline/libbaseline.a src/crypto/libcrypto.a src/sys/libsys.a \
	src/base/libbase.a $(CRYPTO_LIBS) $(SECCOMP_LIBS) $(FMT_LIBS)
endif
