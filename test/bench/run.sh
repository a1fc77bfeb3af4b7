#!/bin/sh
# Prints how fast this is, beside the floor and Debian's aide, samhain and tripwire: medians of paired
# runs, ratios, peak memory.
#   sh test/bench/run.sh [scan] [server]      both by default
# BENCH_ROUNDS (5), BENCH_FILES (100000) real files in the corpus, BENCH_PEERS (yes; no: only the floor
# and ours), SAMHAIN_BUILD (build).
# Needs root or sudo: the programs under test read files of all owners, the peers run in a private
# mount namespace.  Debian's packages are unpacked beside the build, not installed.
set -eu
TOP_FROM_SCRIPT=../..
# shellcheck source=test/setup.sh
. "$(dirname "$0")/../setup.sh"

# shellcheck disable=SC2086
install_packages $build_packages python3 time
configure_and_make "$build" -- all bench

peers=
[ "${BENCH_PEERS:-yes}" = no ] || peers=$build/peers
if [ -n "$peers" ] && [ ! -x "$peers/usr/sbin/samhain" ]; then
    say "unpacking Debian's aide, samhain, tripwire and the libraries they need"
    rm -rf "$peers"
    mkdir -p "$peers/debs"
    for package in aide samhain tripwire libmhash2 libauparse0 libaudit1 libltdl7 libprelude28; do
        (cd "$peers/debs" && apt-get download -q "$package") || give_up "cannot download $package"
    done
    for deb in "$peers"/debs/*.deb; do dpkg -x "$deb" "$peers"; done
fi

[ $# -gt 0 ] || set -- scan server
for part in "$@"; do
    case $part in
        scan)
            as_root env PYTHONDONTWRITEBYTECODE=1 python3 "$top/test/bench/scan.py" --build "$build" \
                ${peers:+--peers "$peers"} --rounds "${BENCH_ROUNDS:-5}" --files "${BENCH_FILES:-100000}" ;;
        server)
            as_root env PYTHONDONTWRITEBYTECODE=1 python3 "$top/test/bench/server.py" --build "$build" \
                --rounds "${BENCH_ROUNDS:-5}" ;;
        *) give_up "$part is no part: scan server" ;;
    esac
done
