# The floor of test/bench/scan.py; built by `make bench` only.
EXTRA_PROGRAMS += %D%/floor
%C%_floor_SOURCES = %D%/floor.cc
%C%_floor_LDADD = $(CRYPTO_LIBS)
bench: %D%/floor$(EXEEXT)
