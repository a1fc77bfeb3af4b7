# The server but for main(), so that the unit tests reach its parts.
if BUILD_SERVER
noinst_LIBRARIES += %D%/libserver.a
%C%_libserver_a_SOURCES = %D%/acceptor.cc %D%/acceptor.h %D%/check_config.cc \
	%D%/check_config.h %D%/chores.cc %D%/chores.h %D%/client_table_file.cc \
	%D%/client_table_file.h %D%/commands.cc %D%/commands.h %D%/config_file.cc %D%/config_file.h \
	%D%/connections.cc %D%/connections.h %D%/control.cc %D%/control.h %D%/digester.cc \
	%D%/digester.h %D%/file_store.cc %D%/file_store.h %D%/files.cc %D%/files.h %D%/front.cc \
	%D%/front_transfer.cc %D%/front_transfer.h %D%/gate.cc %D%/guard.cc %D%/guard.h \
	%D%/handshakes.cc %D%/handshakes.h %D%/intake.cc %D%/intake.h %D%/jail_check.cc %D%/jail_check.h %D%/journal.cc %D%/journal.h \
	%D%/keeper.cc %D%/keeper.h %D%/keeper_life.cc %D%/keeper_parts.h %D%/ledger.cc %D%/ledger.h \
	%D%/libwrap.cc %D%/libwrap.h %D%/limiter.cc %D%/limiter.h %D%/link.cc %D%/link.h \
	%D%/lookups.cc %D%/lookups.h %D%/name_check.cc %D%/name_check.h %D%/notices.h %D%/options.cc \
	%D%/options.h %D%/orders.cc %D%/orders.h %D%/page_style.h %D%/page_templates.cc \
	%D%/page_templates.h %D%/relay.cc %D%/relay.h %D%/relay_batch.cc %D%/relay_batch.h \
	%D%/relay_spool.cc %D%/relay_spool.h %D%/requests.cc %D%/requests.h %D%/resolver.cc \
	%D%/role_group.cc %D%/role_group.h %D%/role_process.cc %D%/role_process.h %D%/roster.cc \
	%D%/roster.h %D%/scribe.cc %D%/scribe.h %D%/separate_logs.cc %D%/separate_logs.h \
	%D%/settings.cc %D%/settings.h %D%/site_certificate.cc %D%/site_certificate.h %D%/start.cc \
	%D%/start.h %D%/status.cc %D%/status.h %D%/status_page.cc %D%/status_page.h %D%/syslog.cc \
	%D%/syslog_packet.cc %D%/syslog_packet.h %D%/syslog_reception.cc %D%/syslog_reception.h \
	%D%/syslog_requests.h %D%/tally.h %D%/uploads.cc %D%/uploads.h \
	%D%/visits.cc %D%/visits.h

# In the order in which each needs the ones behind it.
server_libs = src/server/libserver.a src/uplink/libuplink.a src/sink/libsink.a src/spool/libspool.a src/wire/libwire.a src/srp/libsrp.a \
	src/config/libconfig.a src/report/libreport.a src/crypto/libcrypto.a src/sys/libsys.a \
	src/base/libbase.a
server_system_libs = $(WRAP_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(SECCOMP_LIBS) \
	$(FMT_LIBS)

# 0755: the unprivileged keeper executes it again for each role.  It holds no secret.
sbin_PROGRAMS += yule
yule_SOURCES = %D%/main.cc
yule_CPPFLAGS = $(AM_CPPFLAGS) $(PATH_CPPFLAGS)
yule_LDADD = $(server_libs) $(server_system_libs)
endif
