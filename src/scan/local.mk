noinst_LIBRARIES += %D%/libscan.a
%C%_libscan_a_SOURCES = %D%/acceptance.cc %D%/acceptance.h %D%/compare.cc %D%/compare.h %D%/describe.cc %D%/describe.h \
	%D%/directory_chain.cc %D%/directory_chain.h %D%/extended.cc %D%/extended.h %D%/facts_codec.cc %D%/facts_codec.h \
	%D%/judge.cc %D%/judge.h %D%/listing.cc %D%/listing.h %D%/measure.cc %D%/measure.h \
	%D%/measurer.cc %D%/measurer_pool.cc %D%/measurer_pool.h %D%/memory.cc %D%/memory.h \
	%D%/names.cc %D%/names.h %D%/paths.cc %D%/paths.h %D%/requests.cc %D%/requests.h \
	%D%/scan.cc %D%/scan.h %D%/spot_check.cc %D%/spot_check.h %D%/walk.cc %D%/walk.h %D%/worker.cc %D%/worker.h
