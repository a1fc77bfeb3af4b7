#!/bin/sh
# Does all set-up and runs every test of this project; the last line is counted from the results:
#     N passed, N failed
# Usage: sh test/run.sh [PART…]     parts, all by default: unit floors format manual shell lint
#                                         sanitized fuzz e2e
# The machine is used best when all parts run: e2e waits most of the time, so it runs beside the three
# before it.
# SAMHAIN_BUILD names the build folder (build), FUZZ_SECONDS the time of each fuzzer (5).
set -u
# shellcheck source=test/setup.sh
. "$(dirname "$0")/setup.sh"

passed=0
failed=0
failures=

pass() {
    passed=$((passed + ${2:-1}))
    echo "ok: $1"
}
fail() {
    failed=$((failed + ${2:-1}))
    failures="$failures
  $1"
    echo "FAILED: $1"
}
# check NAME COMMAND…: one test, passed if the command ends with 0.
check() {
    name=$1
    shift
    if "$@"; then pass "$name"; else fail "$name"; fi
}

# count_unit_tests DIR: from GoogleTest's own closing lines; a program without one (crashed, did not
# start) is one failure, and so is a script of `make check` that failed.
count_unit_tests() {
    found=0
    for log in "$1"/test/unit/*.log; do
        [ -f "$log" ] || continue
        found=1
        name=$(basename "$1")/$(basename "$log" .log)
        good=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) tests\{0,1\}\.$/\1/p' "$log" | tail -n 1)
        bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) tests\{0,1\}, listed below:$/\1/p' "$log" | tail -n 1)
        result=$(sed -n 's/^:test-result: //p' "${log%.log}.trs")
        if [ -n "$good" ]; then
            pass "$name: $good unit tests" "$good"
            [ "$result" = PASS ] || fail "$name: ${bad:-1} unit tests, see $log" "${bad:-1}"
        elif [ "$result" = PASS ]; then
            pass "$name"
        else
            fail "$name: $result, see $log"
        fi
    done
    [ "$found" -eq 1 ] || fail "no unit test ran in $1"
}

# run_unit_tests DIR [ARGUMENT…]: results of an earlier run would count where one cannot be built.
run_unit_tests() {
    dir=$1
    shift
    rm -f "$dir"/test/unit/*.log
    make -C "$dir" -j "$jobs" --no-print-directory check "$@" || true
    count_unit_tests "$dir"
}

# make_main TARGET…: -g1 keeps the lines and costs a quarter less time than -g, -O1 a quarter less
# than -O2.
make_main() {
    CXXFLAGS=${CXXFLAGS:-"-O1 -g1"} configure_and_make "$build" --enable-werror -- "$@"
}

part_unit() {
    make_main all
    say "unit tests"
    # Only the tests themselves are still to be compiled; what they test is optimised.  clang-tidy
    # could not read g++'s precompiled header, so it goes.
    make -C "$build" --no-print-directory config.h.gch CXXFLAGS="-O0 -g0" || give_up "the build failed"
    run_unit_tests "$build" CXXFLAGS="-O0 -g0"
    rm -f "$build/config.h.gch"
}

# The second compiler, the sanitizers and the fuzzers share one build; -O1 halves its time, and what
# all of it includes is parsed once.
make_sanitized() {
    CXXFLAGS="-O1 -g1" CXX=${CLANGXX:-clang++} configure_and_make "$build-clang" --enable-werror \
        --enable-sanitizers --enable-fuzzers -- config.h.pch
    make -C "$build-clang" -j "$jobs" --no-print-directory "$@" || give_up "the build failed"
}

part_sanitized() {
    make_sanitized all
    say "unit tests with address and undefined-behaviour sanitizers (clang++)"
    run_unit_tests "$build-clang"
}

# fuzz NAME: $build-clang/test/fuzz/NAME.passed exists afterwards if nothing was found.
fuzz() {
    corpus=$(mktemp -d)
    if timeout 120 "$build-clang/test/fuzz/fuzz_$1" -max_total_time="${FUZZ_SECONDS:-5}" \
        -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -artifact_prefix="$build-clang/test/fuzz/" \
        "$corpus" "$top/test/fuzz/corpus/$1" >"$build-clang/test/fuzz/$1.out" 2>&1; then
        touch "$build-clang/test/fuzz/$1.passed"
    fi
    rm -rf "$corpus"
}

part_fuzz() {
    make_sanitized fuzzers
    say "fuzzers, ${FUZZ_SECONDS:-5} s each, $jobs at a time"
    running=
    for source in "$top"/test/fuzz/*.cc; do
        name=$(basename "$source" .cc)
        rm -f "$build-clang/test/fuzz/$name.passed"
        fuzz "$name" &
        running="$running $!"
        # shellcheck disable=SC2086
        set -- $running
        [ $# -lt "$jobs" ] || { wait "$1"; shift; running="$*"; }
    done
    # shellcheck disable=SC2086
    [ -z "$running" ] || wait $running
    for source in "$top"/test/fuzz/*.cc; do
        name=$(basename "$source" .cc)
        if [ -f "$build-clang/test/fuzz/$name.passed" ]; then
            pass "fuzzer $name"
        else
            tail -n 30 "$build-clang/test/fuzz/$name.out"
            fail "fuzzer $name: see $build-clang/test/fuzz/$name.out"
        fi
    done
}

part_floors() {
    check "floors" sh "$top/test/floors.sh" "$top"
}

part_format() {
    say "format"
    check "clang-format" sh -c 'cd "$1" && find include src test -name "*.h" -o -name "*.cc" |
        xargs clang-format --dry-run -Werror' sh "$top"
}

part_manual() {
    say "manual pages"
    for page in "$top"/man/*.[1-9]; do
        check "mandoc -T lint $(basename "$page")" mandoc -T lint -W warning "$page"
    done
}

part_shell() {
    say "shell scripts"
    check "shellcheck" sh -c 'cd "$1" && shellcheck -x -S warning test/*.sh test/bench/*.sh .ci/run etc/*.init.in etc/chroot.sh' sh "$top"
}

# Each source anew only when it, a header or the rules changed since it was clean.
part_lint() {
    say "clang-tidy (the first time takes minutes)"
    make_main config.h
    mkdir -p "$build/lint"
    rules=$( (cat "$top/.clang-tidy" "$top/test/lint.sh"
        find "$top/include" "$top/src" -name '*.h' | sort | xargs cat) | cksum)
    lint_groups | (cd "$top" && xargs -P "$jobs" -L 1 sh test/lint.sh "$top" "$build" "$rules") || true
    for name in $(sources); do
        stamp=$build/lint/$(echo "$name" | tr / _)
        if [ -f "$stamp" ]; then
            pass "clang-tidy $name"
        else
            grep -E '(error|warning):' "$stamp.out" | sort -u
            fail "clang-tidy $name"
        fi
    done
}

sources() { (cd "$top" && find src -name '*.cc' | sort); }

# A line for each run of clang-tidy.  As many as the largest folder has sources, so that no two of one
# folder meet: the n-th source of all goes to line n modulo that number.
lint_groups() {
    sources | awk -F / '{ name[NR] = $0; if (++count[$2] > lines) lines = count[$2] }
        END { for (i = 1; i <= lines; i++)
                  for (n = i; n <= NR; n += lines) printf "%s%s", name[n], (n + lines > NR ? "\n" : " ") }'
}

# run_e2e RESULTS [ARGUMENT…]: the pid goes to a file, so that end_e2e can end what runs behind sudo.
run_e2e() {
    results=$1
    shift
    as_root rm -f "$results"
    # shellcheck disable=SC2016
    as_root sh -c 'echo $$ >"$0" && exec "$@"' "$build/e2e.pid" \
        env SAMHAIN_BUILD="$build" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest \
        -o cache_dir="$build/e2e-cache" -q --durations=10 --junitxml="$results" "$@" "$top/test/e2e" || true
}

# The end-to-end tests mostly wait for time to pass: they run in the background while the parts that
# only compute, and are polite from then on, follow.
begin_e2e() {
    [ -z "$e2e_job" ] || return 0
    make_main all
    say "end to end (in the background, the result comes at the end)"
    run_e2e "$build/e2e.xml" >"$build/e2e.out" 2>&1 &
    e2e_job=$!
    renice -n 10 -p $$ >/dev/null
}

# Also when we end early: nothing of ours stays behind.
end_e2e() {
    [ -n "$e2e_job" ] && kill -0 "$e2e_job" 2>/dev/null || return 0
    as_root kill "$(cat "$build/e2e.pid")"
    wait "$e2e_job"
}

# count_e2e RESULTS: passed, failed, skipped.
count_e2e() {
    /usr/bin/python3 - "$1" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
try:
    suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
except OSError:
    suites = []
total, bad, left = (sum(int(s.get(k)) for s in suites for k in keys)
                    for keys in (("tests",), ("failures", "errors"), ("skipped",)))
print(max(total - bad - left, 0), bad if total else 1, left)
PYTHON
}

part_e2e() {
    begin_e2e
    wait "$e2e_job"
    e2e_job=''
    wants_e2e=no
    cat "$build/e2e.out"
    # shellcheck disable=SC2046
    set -- $(count_e2e "$build/e2e.xml")
    good=$1 bad=$2 left=$3
    # Real daemons, real time: on a machine that stood still for seconds a deadline can pass.  A test
    # that fails gets one more try, and that is said.
    if [ "$bad" -gt 0 ] && [ "$bad" -le 5 ] && [ "$good" -gt 0 ]; then
        say "$bad end-to-end tests failed: one more try of these"
        run_e2e "$build/e2e-again.xml" --last-failed
        # shellcheck disable=SC2046
        set -- $(count_e2e "$build/e2e-again.xml")
        echo "$1 end-to-end tests passed only at the second try"
        good=$((good + $1)) bad=$2
    fi
    pass "$good end-to-end tests" "$good"
    [ "$bad" -eq 0 ] || fail "$bad end-to-end tests" "$bad"
    # Nothing may be skipped where everything needed is installed: CI runs as root.
    [ "$left" -eq 0 ] || fail "$left end-to-end tests were skipped" "$left"
}

# shellcheck disable=SC2086
install_packages $build_packages $test_packages
[ $# -gt 0 ] || set -- unit floors format manual shell lint sanitized fuzz e2e
case " $* " in *" e2e "*) wants_e2e=yes ;; *) wants_e2e=no ;; esac
e2e_job=''
trap end_e2e EXIT
trap 'exit 130' INT TERM
for part in "$@"; do
    case $part in lint | sanitized | fuzz) [ $wants_e2e = no ] || begin_e2e ;; esac
    case $part in
        unit | floors | format | manual | shell | lint | sanitized | fuzz | e2e) "part_$part" ;;
        *) give_up "$part is no part: unit floors format manual shell lint sanitized fuzz e2e" ;;
    esac
done

[ -z "$failures" ] || printf '\nFailures:%s\n' "$failures"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
