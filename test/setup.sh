# shellcheck shell=sh disable=SC2034  # sourced: the variables are for the scripts that do so
# Sourced by demo.sh, run.sh and bench/run.sh: installs the Debian packages that are missing and
# builds out of tree.  Needs only a POSIX shell; as an ordinary user, sudo.

top=$(cd "$(dirname "$0")/${TOP_FROM_SCRIPT:-..}" && pwd)
build=${SAMHAIN_BUILD:-$top/build}
jobs=$(nproc 2>/dev/null || echo 2)

build_packages="autoconf autoconf-archive automake g++ libfmt-dev libgtest-dev
    libseccomp-dev libssl-dev libwrap0-dev make pkg-config zlib1g-dev"
test_packages="clang clang-format clang-tidy dnsmasq-base iproute2 libclang-rt-14-dev mandoc
    openssl procps python3 python3-pytest shellcheck"

say() { printf '\n== %s\n' "$*"; }
give_up() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -- "$@"; fi
}

install_packages() {
    missing=
    for package in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=none
        [ "$status" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing$missing"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        give_up "not root and no sudo: as root, run apt-get install$missing"
    as_root apt-get update -q || give_up "apt-get update failed"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        $missing || give_up "apt-get could not install$missing"
}

# configure_and_make DIR [CONFIGURE-ARGUMENT…] -- TARGET…: only what changed is built again.
configure_and_make() {
    dir=$1
    shift
    arguments=
    while [ "$1" != -- ]; do
        arguments="$arguments $1"
        shift
    done
    shift
    [ -x "$top/configure" ] || (cd "$top" && autoreconf -fi) || give_up "autoreconf failed"
    mkdir -p "$dir"
    # Without arguments any configuration will do: the demo takes the one that the tests made.
    if [ ! -f "$dir/Makefile" ] ||
        { [ -n "$arguments" ] && [ "$(cat "$dir/.arguments" 2>/dev/null)" != "$arguments" ]; }; then
        say "configuring $(basename "$dir")"
        # shellcheck disable=SC2086
        (cd "$dir" && "$top/configure" $arguments) || give_up "configure failed: see $dir/config.log"
        printf '%s' "$arguments" >"$dir/.arguments"
    fi
    say "building $(basename "$dir") ($*)"
    make -C "$dir" -j "$jobs" --no-print-directory "$@" || give_up "the build failed"
}
