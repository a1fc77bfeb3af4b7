#!/bin/sh
# Installs what is missing, builds, and shows the main job on this machine's real files in a scratch
# prefix: server, client, baseline, six changes, each as it arrives in the server's log.
# Ends with a status above 0 if one of the expected lines does not come.
set -eu
# shellcheck source=test/setup.sh
. "$(dirname "$0")/setup.sh"

# shellcheck disable=SC2086
install_packages $build_packages
configure_and_make "$build" -- all

scratch=$(mktemp -d "${TMPDIR:-/tmp}/samhain-demo.XXXXXX")
chmod 755 "$scratch"
watched=$scratch/watched
log=$scratch/log/yule/yule_log
yule() { as_root "$build/yule" "$@" "--config-file=$scratch/etc/yulerc"; }
samhain() { as_root "$scratch/sbin/samhain" "$@" "--config-file=$scratch/etc/samhainrc"; }

stop_both() {
    [ ! -e "$scratch/etc/samhainrc" ] || samhain stop || true
    [ ! -e "$scratch/etc/yulerc" ] || yule stop || true
}
trap stop_both EXIT
trap 'exit 1' INT TERM HUP

samhain_list() { as_root "$scratch/sbin/samhain" "--config-file=$scratch/etc/samhainrc" -d default; }
write_file() { as_root tee "$1" >/dev/null; }

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# wait_for_line SECONDS PATTERN…: the first line of the server's log that has all the patterns.
wait_for_line() {
    end=$(($(now_ms) + $1 * 1000))
    shift
    while :; do
        found=$(as_root cat "$log" 2>/dev/null || true)
        for pattern in "$@"; do
            found=$(printf '%s\n' "$found" | grep -F -e "$pattern") || found=
        done
        if [ -n "$found" ]; then
            printf '%s\n' "$found" | head -n 1
            return 0
        fi
        [ "$(now_ms)" -lt "$end" ] || return 1
        sleep 0.02
    done
}

# The first port from 49777 up on which nobody listens (/proc/net/tcp has them in hex).
free_port() {
    port=49777
    while grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$port") .* 0A " /proc/net/tcp /proc/net/tcp6; do
        port=$((port + 1))
    done 2>/dev/null
    echo "$port"
}

say "a scratch prefix: $scratch"
mkdir -p "$scratch/etc" "$scratch/sbin" "$scratch/run" "$scratch/log/yule" "$scratch/state" "$watched"
echo one >"$watched/content"
echo one >"$watched/mode"
echo one >"$watched/owner"
echo one >"$watched/removed"
ln -s content "$watched/link"
as_root chown -R root:root "$scratch"
server_user=$(for user in yule daemon nobody; do id -u "$user" >/dev/null 2>&1 && echo "$user" && break; done)
as_root chown "$server_user" "$scratch/log/yule"
port=$(free_port)

say "the server: configuration, password, registration"
password=$("$build/yule" -G)
entry=$("$build/yule" -P "$password")
# The name a client goes by: its canonical name, or its address where that has no dot.
host=$("$build/samhain" --print-own-name)
write_file "$scratch/etc/yulerc" <<CONF
[Log]
PrintSeverity=none
LogSeverity=info
[Misc]
Daemon=yes
SetServerInterface=127.0.0.1
SetServerPort=$port
SetLogfilePath=$log
SetLockfilePath=$scratch/run/yule.pid
SetSocketPath=$scratch/run/yule.sock
SeverityLookup=info
[Clients]
$(printf '%s' "$entry" | sed "s/HOSTNAME/$host/")
CONF
as_root chgrp "$(id -g "$server_user")" "$scratch/etc/yulerc"
as_root chmod 640 "$scratch/etc/yulerc"
echo "yule -G                       made a password"
echo "yule -P PASSWORD              $(printf '%s' "$entry" | cut -c 1-60)…"
yule start
wait_for_line 10 'msg="Server up' || give_up "the server did not say that it is up: see $log"
pid=$(as_root cat "$scratch/run/yule.pid")
echo "yule runs as $server_user: uids $(sed -n 's/^Uid:[[:space:]]*//p' "/proc/$pid/status")"

say "the client: password into the program, baseline of /etc /usr/bin /usr/sbin /usr/lib and the scratch tree"
as_root cp "$build/samhain" "$scratch/sbin/samhain.unset"
as_root "$build/samhain_setpwd" "$scratch/sbin/samhain.unset" set "$password"
as_root mv "$scratch/sbin/samhain.unset.set" "$scratch/sbin/samhain"
write_file "$scratch/etc/samhainrc" <<CONF
[Log]
PrintSeverity=crit
LogSeverity=info
ExportSeverity=mark
[Misc]
Daemon=yes
SetFilecheckTime=2
SetDropCache=no
SetLoopTime=60
SetDatabasePath=$scratch/state/samhain_file
SetLogfilePath=$scratch/log/samhain_log
SetLockfilePath=$scratch/run/samhain.pid
SetSpoolPath=$scratch/state/spool
[Client]
SetLogServer=127.0.0.1
SetServerPort=$port
[ReadOnly]
dir=99/etc
dir=99/usr/bin
dir=99/usr/sbin
dir=99/usr/lib
dir=99$watched
CONF
as_root chmod 600 "$scratch/etc/samhainrc"
begin=$(now_ms)
samhain -t init -l none -p warn
end=$(now_ms)
echo "samhain -t init: $(samhain_list | wc -l) objects in $((end - begin)) ms"
samhain start
wait_for_line 30 'File check completed' || give_up "no check of the client arrived: see $log"

say "six changes, each as it arrives in the server's log"
lost=0
# show WHAT PATTERN COMMAND…: makes the change, waits for its line.
show() {
    what=$1 pattern=$2
    shift 2
    begin=$(now_ms)
    as_root "$@"
    if line=$(wait_for_line 30 "$pattern" 'POLICY' "$watched/"); then
        printf '\n%-16s after %d ms\n  %s\n' "$what" $(($(now_ms) - begin)) "$line"
    else
        printf '\n%-16s DID NOT ARRIVE (%s)\n' "$what" "$pattern"
        lost=$((lost + 1))
    fi
}
show 'content edited' "$watched/content" sh -c "echo two >>'$watched/content'"
show 'mode changed' "$watched/mode" chmod 4755 "$watched/mode"
show 'owner changed' "$watched/owner" chown daemon "$watched/owner"
show 'file added' "$watched/added" sh -c "echo new >'$watched/added'"
show 'file removed' "$watched/removed" rm "$watched/removed"
show 'symlink turned' "$watched/link" ln -sfn mode "$watched/link"

say "status"
samhain status && echo "samhain status: running (exit status 0)"
yule status && echo "yule status: running (exit status 0)"
as_root "$build/yulectl" -s "$scratch/run/yule.sock" STATUS
as_root "$build/yulectl" -s "$scratch/run/yule.sock" CLIENTS

say "stopping both"
trap - EXIT
stop_both
wait_for_line 10 'msg="EXIT" program="Yule"' || lost=$((lost + 1))

say "done"
cat <<END
configurations   $scratch/etc/samhainrc  $scratch/etc/yulerc
server's log     $log   (the whole story of this run)
client's log     $scratch/log/samhain_log
baseline         $scratch/state/samhain_file   (samhain -d FILE lists it)
programs         $build/samhain  yule  yulectl  samhain_setpwd

Next: README, section INSTALLATION. To throw this run away: rm -r $scratch (as root)
END
[ "$lost" -eq 0 ] || give_up "$lost expected lines did not come"
