if HAVE_GTEST
check_PROGRAMS += %D%/report_tests
%C%_report_tests_SOURCES = %D%/catalog_test.cc %D%/classic_samples.h %D%/form_test.cc %D%/report_codec_test.cc \
	%D%/threshold_test.cc
%C%_report_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -DSOURCE_DIR='"$(abs_top_srcdir)"'
%C%_report_tests_LDADD = src/report/libreport.a src/base/libbase.a $(UNIT_LIBS)
endif
