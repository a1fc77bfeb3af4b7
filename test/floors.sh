#!/bin/sh
# Fails when a folder includes a folder of its own floor or above (docs/architecture.md).
#   floors.sh [SOURCE-TREE]
set -eu
top=${1:-$(cd "$(dirname "$0")/.." && pwd)}

floor_of() {
    case $1 in
        samhain) echo 0 ;;
        base) echo 1 ;;
        sys | crypto) echo 2 ;;
        report | config | srp) echo 3 ;;
        wire | baseline | policy | spool) echo 4 ;;
        scan | watch | sink | uplink) echo 5 ;;
        agent | server | tools) echo 6 ;;
        *) echo "floors.sh: $1 is on no floor: give it one here and in docs/architecture.md" >&2
           exit 2 ;;
    esac
}

breaches=0
for file in $(find "$top/include/samhain" "$top/src" -name '*.h' -o -name '*.cc' | sort); do
    folder=$(basename "$(dirname "$file")")
    floor=$(floor_of "$folder")
    for include in $(sed -n 's/^#include "\([^"/]*\)\/.*/\1/p' "$file" | sort -u); do
        [ "$include" != "$folder" ] || continue
        other=$(floor_of "$include")
        if [ "$other" -ge "$floor" ]; then
            echo "${file#"$top"/}: includes $include (floor $other) from $folder (floor $floor)"
            breaches=$((breaches + 1))
        fi
    done
    if grep -n '^#include "\.\./' "$file"; then
        echo "${file#"$top"/}: write \"folder/file.h\", not \"../\""
        breaches=$((breaches + 1))
    fi
    case $folder in
        crypto | srp | wire) ;;
        *) if grep -n '^#include <openssl/' "$file"; then
               echo "${file#"$top"/}: only crypto, srp and wire use openssl/"
               breaches=$((breaches + 1))
           fi ;;
    esac
done
[ "$breaches" -eq 0 ] || exit 1
