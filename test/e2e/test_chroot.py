"""--chroot and SetChrootDir, in a jail that chroot.sh built."""

import os
import re
import signal
from pathlib import Path

import pytest

from harness.daemons import REPOSITORY, YULE, run, text_of
from harness.world import CLIENT2

SCRIPT = REPOSITORY / "etc" / "chroot.sh"


def is_sanitized():
    return "asan" in run("ldd", YULE).stdout


pytestmark = pytest.mark.skipif(is_sanitized(), reason="the sanitizers need /proc")


@pytest.fixture
def jail(folder, yule):
    data = folder / "data"
    data.mkdir()
    yule.set("Server", "SetDataDirectory", data)
    runs = folder / "run"  # where the server's user may remove what lies there
    runs.mkdir()
    os.chown(runs, *yule.identity_ids())
    yule.socket, yule.pid_file = runs / "sock", runs / "pid"
    yule.set("Misc", "SetSocketPath", yule.socket)
    yule.set("Misc", "SetLockfilePath", yule.pid_file)
    yule.set("Log", "LogSeverity", "debug")
    yule.write_config()
    place = folder / "jail"
    done = run(SCRIPT, place, YULE, yule.config)
    assert done.returncode == 0, done.stdout + done.stderr
    yule.outside_log = yule.log
    yule.log = place / str(yule.log).lstrip("/")
    return place


def inside(jail, path):
    return jail / str(path).lstrip("/")


def test_a_client_is_served_from_a_jail_and_sighup_reads_inside(jail, yule, samhain):
    yule.start(f"--chroot={jail}")
    for pid in [yule.pid, *(role.pid for role in yule.roles())]:
        assert os.readlink(f"/proc/{pid}/root") == str(jail)
    samhain.init()
    samhain.check()
    yule.wait_line(client="client1", inner=True, msg="START")
    assert not yule.outside_log.exists() and not jail.joinpath("proc").exists()

    yule.register(CLIENT2)
    yule.write_config()
    copy = inside(jail, yule.config)
    copy.write_text(text_of(yule.config))  # keeps owner and mode
    yule.config.unlink()
    yule.signal(signal.SIGHUP)
    yule.wait_line(msg="Runtime configuration reloaded")
    assert "clients                    2" in yule.ctl("STATUS").stdout

    assert yule.stop() == 0
    yule.wait_line(msg="EXIT", status="SIGTERM")
    assert not yule.socket.exists(), "removed, though it lies outside"


def test_the_daemon_in_a_jail_has_its_pid_file_outside(jail, yule):
    yule.set("Server", "SetChrootDir", jail)
    yule.write_config()
    done = yule.call("start")
    assert done.returncode == 0, done.stderr
    pid = int(text_of(yule.pid_file))
    assert os.readlink(f"/proc/{pid}/root") == str(jail)
    assert yule.call("status").returncode == 0
    assert yule.call("stop").returncode == 0
    assert not yule.pid_file.exists() and not yule.socket.exists()
    assert yule.call("status").returncode == 3


@pytest.mark.parametrize("part", ["etc/passwd", "dev/null", "etc/hosts.deny", "yulerc", "library"])
def test_what_a_jail_lacks_is_named_with_the_remedy(jail, yule, part):
    if part == "yulerc":
        path = inside(jail, yule.config)
    elif part == "library":
        path = next(iter(sorted(jail.glob("**/libcrypto.so*"))))
    else:
        path = jail / part
    if part == "etc/hosts.deny" and not Path("/etc/hosts.deny").exists():
        pytest.fail("this host has no /etc/hosts.deny: install libwrap0")
    path.unlink()
    for arguments in (["--foreground"], ["--check-config"]):
        done = yule.call(f"--chroot={jail}", *arguments)
        assert done.returncode == 1
        said = done.stdout + done.stderr
        assert f"{path}: " in said and f"chroot.sh {jail}" in said, said
    assert not yule.socket.exists()


def run_with(yule, redirection):
    """Its commands get a descriptor more, or another."""
    command = yule.command
    yule.command = lambda *words: ["sh", "-c", f'exec {redirection} && exec "$@"', "sh",
                                   *command(*words)]


def test_no_directory_of_who_starts_it_comes_along(jail, yule):
    run_with(yule, "9</")
    yule.start(f"--chroot={jail}")
    for pid in [yule.pid, *(role.pid for role in yule.roles())]:
        opened = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
        assert "/" not in opened, (pid, opened)
    yule.stop()


def test_a_directory_in_the_place_of_a_standard_descriptor_is_refused(jail, yule):
    run_with(yule, "</")
    done = yule.call(f"--chroot={jail}", "--foreground")
    assert done.returncode == 1 and "descriptor 0 is a directory" in done.stderr


@pytest.mark.parametrize("place", ["/.", "/./", "//", "/etc/..", "jail"])
def test_the_script_makes_no_jail_of_the_root_directory(jail, yule, place):
    done = run(SCRIPT, place, YULE, yule.config)
    assert done.returncode == 1 and "chroot.sh: " in done.stderr


def test_a_complete_jail_is_found_right_and_a_relative_one_refused(jail, yule):
    done = yule.call(f"--chroot={jail}", "--check-config")
    assert done.returncode == 0, done.stdout
    assert re.search(f"^root directory +{jail}$", done.stdout, re.M)
    done = yule.call("--chroot=jail", "--foreground")
    assert done.returncode == 1 and "let it begin with /" in done.stderr
