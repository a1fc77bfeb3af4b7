#!/bin/sh
# clang-tidy on those of the SOURCEs (named from TOP) that are not as they were when they were last
# clean, with the same RULES.
#   lint.sh TOP BUILD RULES SOURCE…
#
# Most of clang-tidy's time goes into headers, so the sources are read as one, which costs a third
# less than one by one; they should be of different folders, whose names cannot meet.  Only sources
# that are not clean together are looked at alone: that gives the messages their places.
set -eu
top=$1 build=$2 rules=$3
shift 3
cd "$top"

stamp_of() { echo "$build/lint/$(echo "$1" | tr / _)"; }
state_of() { echo "$rules $(cksum <"$1")"; }

# The analyzer stays out of the standard library's inside (its budget goes to our own paths) and gives
# a function up after 15,000 states in the place of 225,000.
tidy() {
    clang-tidy --quiet "$1" -- -std=c++20 -fno-exceptions -include "$build/config.h" \
        -I"$top/include" -iquote "$top/src" -DCLIENT_CONFIG='""' -DCLIENT_LOG='""' -DCLIENT_PID='""' \
        -DCLIENT_STATE='""' -DCLIENT_DATA='""' -DSERVER_CONFIG='""' -DSERVER_STATE='""' \
        -DSERVER_LOG='""' -DSERVER_PID='""' -DSERVER_SOCKET='""' \
        -DSERVER_HTML='""' \
        -Xclang -analyzer-config -Xclang c++-stdlib-inlining=false,max-nodes=15000
}

changed=
for source in "$@"; do
    [ "$(cat "$(stamp_of "$source")" 2>/dev/null)" = "$(state_of "$source")" ] || changed="$changed $source"
done
[ -n "$changed" ] || exit 0
echo " $changed"

# shellcheck disable=SC2086
set -- $changed
if [ $# -gt 1 ]; then
    together=$build/lint/together-$$.cc
    trap 'rm -f "$together"' EXIT
    cat "$@" >"$together"
    if tidy "$together" >"$together.out" 2>&1; then
        for source in "$@"; do state_of "$source" >"$(stamp_of "$source")"; done
        rm -f "$together.out"
        exit 0
    fi
    echo "  not clean together, so one by one:$changed"
    rm -f "$together.out"
fi
for source in "$@"; do
    stamp=$(stamp_of "$source")
    if tidy "$source" >"$stamp.out" 2>&1; then state_of "$source" >"$stamp"; else rm -f "$stamp"; fi
done
