#!/bin/sh
# clang-tidy on one source, unless it and RULES are as they were when it was last clean.
#   lint.sh SOURCE TOP BUILD RULES
set -eu
source=$1 top=$2 build=$3 rules=$4
stamp=$build/lint/$(echo "${source#"$top"/}" | tr / _)
now="$rules $(cksum <"$source")"
[ "$(cat "$stamp" 2>/dev/null)" != "$now" ] || exit 0
echo "  ${source#"$top"/}"
if clang-tidy --quiet "$source" -- -std=c++20 -fno-exceptions -include "$build/config.h" \
    -I"$top/include" -iquote "$top/src" -DCLIENT_CONFIG='""' -DCLIENT_LOG='""' -DCLIENT_PID='""' \
    -DCLIENT_STATE='""' -DCLIENT_DATA='""' -DSERVER_CONFIG='""' -DSERVER_STATE='""' \
    -DSERVER_LOG='""' -DSERVER_PID='""' -DSERVER_SOCKET='""' >"$stamp.out" 2>&1; then
    printf '%s' "$now" >"$stamp"
else
    rm -f "$stamp"
fi
