#!/bin/sh
# Builds a jail for `yule --chroot=DIR`, or brings one up to date; yule(8), section CHROOT.
#   chroot.sh DIR [YULE [CONFIGURATION]]
# YULE is the program (default: the one in PATH), CONFIGURATION its yulerc (default: the compiled one).
# Run it again after an upgrade of yule or of the libraries, and when files in /etc changed.
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH

give_up() { echo "chroot.sh: $*" >&2; exit 1; }

if [ $# -lt 1 ] || [ $# -gt 3 ]; then give_up "usage: chroot.sh DIR [YULE [CONFIGURATION]]"; fi
case $1 in /*) ;; *) give_up "$1: the directory must begin with /" ;; esac
# The plain path, whatever `.`, `..` and symbolic links were in it.
jail=$(readlink -m -- "$1")
[ "$jail" != / ] || give_up "$1: that is the root directory itself"
[ "$(id -u)" = 0 ] || give_up "only root can make a jail"
yule=${2:-$(command -v yule || :)}
[ -x "$yule" ] || give_up "no program yule: name it behind the directory"

# What it will use, by its own word; that the jail is not complete is no news.
summary=$("$yule" --check-config ${3:+"--config-file=$3"} || :)
row() { echo "$summary" | sed -n "s/^$1  *//p" | sed 1q; }
config=$(row configuration | sed 's/ (SHA-256 [0-9a-f]*)$//')
user=$(row user | sed 's/ (uid [0-9]*)$//')
log=$(row 'log file')
data=$(row 'data directory')
case $config in
    /*) ;;
    *) echo "$summary" >&2; give_up "yule cannot use its configuration" ;;
esac
id -u "$user" >/dev/null 2>&1 || give_up "there is no user $user here"
group=$(id -g "$user")

# Never in place: programs that run may have the old file mapped.
copy() {
    mkdir -p "$jail$(dirname "$1")"
    if [ "$(readlink -f "$1")" = "$(readlink -f "$jail$1")" ]; then return; fi
    cp -Lp -- "$1" "$jail$1.new"
    mv -f -- "$jail$1.new" "$jail$1"
}

mkdir -p "$jail/dev" "$jail/etc"
[ -c "$jail/dev/null" ] || mknod -m 666 "$jail/dev/null" c 1 3
chmod 666 "$jail/dev/null"

without_passwords() {
    sed 's/^\([^:]*\):[^:]*/\1:x/' >"$jail/etc/$1.new"
    mv -f -- "$jail/etc/$1.new" "$jail/etc/$1"
}
getent passwd root "$user" | without_passwords passwd
getent group 0 "$group" | without_passwords group
for name in hosts resolv.conf nsswitch.conf localtime hosts.allow hosts.deny host.conf gai.conf ld.so.cache
do
    if [ -e "/etc/$name" ]; then copy "/etc/$name"; fi
done

# The program is executed from outside; what loads it and its libraries are looked for inside.
libraries_of() {
    ldd "$1" | sed -n -e 's|^[^/]*\(/[^ ]*\) (0x[0-9a-f]*)$|\1|p' -e 's|.*not found.*|&|p'
}
libraries=$(libraries_of "$yule")
case $libraries in *"not found"*) give_up "$yule: $libraries" ;; esac
[ -n "$libraries" ] || give_up "$yule: ldd names no libraries"
place=$(dirname "$(echo "$libraries" | sed -n '/\/libc\.so/p' | sed 1q)")
services=$(sed -n 's/^\(hosts\|passwd\|group\)://p' /etc/nsswitch.conf 2>/dev/null | sed 's/\[[^]]*\]//g')
for service in files dns $services; do
    module=$place/libnss_$service.so.2
    [ -e "$module" ] || continue
    libraries="$libraries
$module
$(libraries_of "$module")"
done
for library in $libraries; do copy "$library"; done

copy "$config"
if [ ! -d "$jail$data" ]; then
    mkdir -p "$jail$data"
    if [ -d "$data" ]; then cp -a "$data/." "$jail$data/"; fi
fi
if [ ! -d "$jail$(dirname "$log")" ]; then
    mkdir -p "$jail$(dirname "$log")"
    chown "$user:$group" "$jail$(dirname "$log")"
fi
echo "$jail is ready: start yule with --chroot=$jail, or set SetChrootDir=$jail"
