# What the agent is made of, apart from its main: the unit tests link it too.
noinst_LIBRARIES += %D%/libagent.a
%C%_libagent_a_SOURCES = \
	%D%/agent.cc \
	%D%/agent.h \
	%D%/capabilities.h \
	%D%/check_config.cc \
	%D%/check_config.h \
	%D%/checks.cc \
	%D%/checks.h \
	%D%/commands.cc \
	%D%/commands.h \
	%D%/connection_check.cc \
	%D%/connection_check.h \
	%D%/control.cc \
	%D%/control.h \
	%D%/credentials.cc \
	%D%/credentials.h \
	%D%/delta_list.cc \
	%D%/delta_list.h \
	%D%/dialogue.cc \
	%D%/dialogue.h \
	%D%/download.cc \
	%D%/download.h \
	%D%/estimate.cc \
	%D%/estimate.h \
	%D%/findings.cc \
	%D%/findings.h \
	%D%/history.cc \
	%D%/history.h \
	%D%/import_database.cc \
	%D%/import_database.h \
	%D%/json.cc \
	%D%/json.h \
	%D%/list_baseline.cc \
	%D%/list_baseline.h \
	%D%/listing.cc \
	%D%/listing.h \
	%D%/listing_json.cc \
	%D%/options.cc \
	%D%/options.h \
	%D%/outlets.cc \
	%D%/outlets.h \
	%D%/place.h \
	%D%/progress.cc \
	%D%/progress.h \
	%D%/resumption.cc \
	%D%/resumption.h \
	%D%/run.cc \
	%D%/run.h \
	%D%/run_delta.cc \
	%D%/run_orders.cc \
	%D%/run_reload.cc \
	%D%/run_upload.cc \
	%D%/settings.cc \
	%D%/settings.h \
	%D%/status.cc \
	%D%/status.h \
	%D%/status_report.cc \
	%D%/status_report.h \
	%D%/timing.cc \
	%D%/timing.h \
	%D%/update.cc \
	%D%/update.h \
	%D%/verify.cc \
	%D%/verify.h

AGENT_LIBS = src/agent/libagent.a src/uplink/libuplink.a src/scan/libscan.a src/sink/libsink.a \
	src/spool/libspool.a src/policy/libpolicy.a src/baseline/libbaseline.a src/wire/libwire.a \
	src/srp/libsrp.a src/config/libconfig.a src/report/libreport.a src/crypto/libcrypto.a \
	src/sys/libsys.a src/base/libbase.a $(SSL_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(SECCOMP_LIBS) $(FMT_LIBS)

if BUILD_CLIENT
sbin_PROGRAMS += samhain
samhain_SOURCES = %D%/main.cc
samhain_CPPFLAGS = $(AM_CPPFLAGS) $(PATH_CPPFLAGS)
samhain_LDADD = $(AGENT_LIBS)
endif
