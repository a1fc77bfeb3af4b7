# Fuzzers of everything that reads what others wrote: test/fuzz/NAME.cc is the program fuzz_NAME, its
# first examples are in test/fuzz/corpus/NAME.  They need ./configure --enable-fuzzers CXX=clang++;
# `make fuzzers` builds them all, test/run.sh runs each for a short while.
FUZZERS =
fuzz_linking = $(AM_LDFLAGS) -fsanitize=fuzzer
EXTRA_PROGRAMS += $(FUZZERS)
EXTRA_DIST += test/fuzz/corpus

if BUILD_FUZZERS
FUZZERS += %D%/fuzz_frame
%C%_fuzz_frame_SOURCES = %D%/frame.cc
%C%_fuzz_frame_LDFLAGS = $(fuzz_linking)
%C%_fuzz_frame_LDADD = src/wire/libwire.a

FUZZERS += %D%/fuzz_messages
%C%_fuzz_messages_SOURCES = %D%/messages.cc
%C%_fuzz_messages_LDFLAGS = $(fuzz_linking)
%C%_fuzz_messages_LDADD = src/wire/libwire.a src/crypto/libcrypto.a src/base/libbase.a \
	$(CRYPTO_LIBS) $(FMT_LIBS)

FUZZERS += %D%/fuzz_registration
%C%_fuzz_registration_SOURCES = %D%/registration.cc
%C%_fuzz_registration_LDFLAGS = $(fuzz_linking)
%C%_fuzz_registration_LDADD = src/srp/libsrp.a src/crypto/libcrypto.a src/base/libbase.a \
	$(CRYPTO_LIBS) $(FMT_LIBS)

FUZZERS += %D%/fuzz_config
%C%_fuzz_config_SOURCES = %D%/config.cc
%C%_fuzz_config_LDFLAGS = $(fuzz_linking)
%C%_fuzz_config_LDADD = src/policy/libpolicy.a src/config/libconfig.a src/report/libreport.a \
	src/base/libbase.a $(FMT_LIBS)

FUZZERS += %D%/fuzz_report
%C%_fuzz_report_SOURCES = %D%/report.cc
%C%_fuzz_report_LDFLAGS = $(fuzz_linking)
%C%_fuzz_report_LDADD = src/report/libreport.a src/base/libbase.a

FUZZERS += %D%/fuzz_segment
%C%_fuzz_segment_SOURCES = %D%/segment.cc
%C%_fuzz_segment_LDFLAGS = $(fuzz_linking)
%C%_fuzz_segment_LDADD = src/spool/libspool.a src/base/libbase.a $(ZLIB_LIBS) $(FMT_LIBS)

FUZZERS += %D%/fuzz_baseline
%C%_fuzz_baseline_SOURCES = %D%/baseline.cc
%C%_fuzz_baseline_LDFLAGS = $(fuzz_linking)
%C%_fuzz_baseline_LDADD = src/baseline/libbaseline.a src/sys/libsys.a src/crypto/libcrypto.a \
	src/base/libbase.a $(CRYPTO_LIBS) $(FMT_LIBS)

FUZZERS += %D%/fuzz_baseline_parts
%C%_fuzz_baseline_parts_SOURCES = %D%/baseline_parts.cc
%C%_fuzz_baseline_parts_LDFLAGS = $(fuzz_linking)
%C%_fuzz_baseline_parts_LDADD = src/baseline/libbaseline.a src/sys/libsys.a src/crypto/libcrypto.a \
	src/base/libbase.a $(CRYPTO_LIBS) $(FMT_LIBS)

FUZZERS += %D%/fuzz_original
%C%_fuzz_original_SOURCES = %D%/original.cc
%C%_fuzz_original_LDFLAGS = $(fuzz_linking)
%C%_fuzz_original_LDADD = src/baseline/libbaseline.a src/sys/libsys.a src/crypto/libcrypto.a \
	src/base/libbase.a $(CRYPTO_LIBS) $(FMT_LIBS)

FUZZERS += %D%/fuzz_facts
%C%_fuzz_facts_SOURCES = %D%/facts.cc
%C%_fuzz_facts_LDFLAGS = $(fuzz_linking)
%C%_fuzz_facts_LDADD = src/scan/libscan.a src/base/libbase.a

if BUILD_SERVER
FUZZERS += %D%/fuzz_client_table
%C%_fuzz_client_table_SOURCES = %D%/client_table.cc
%C%_fuzz_client_table_LDFLAGS = $(fuzz_linking)
%C%_fuzz_client_table_LDADD = $(server_libs) $(server_system_libs)

FUZZERS += %D%/fuzz_syslog
%C%_fuzz_syslog_SOURCES = %D%/syslog.cc
%C%_fuzz_syslog_LDFLAGS = $(fuzz_linking)
%C%_fuzz_syslog_LDADD = src/server/libserver.a src/base/libbase.a
endif
endif

.PHONY: fuzzers
fuzzers: $(FUZZERS)
