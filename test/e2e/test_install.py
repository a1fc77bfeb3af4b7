"""make install, the init scripts and the units."""

import re
import shutil
import subprocess

import pytest

from harness import daemons, lines
from harness.daemons import BUILD, run


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """What `make install DESTDIR=…` puts down."""
    target = tmp_path_factory.mktemp("staged")
    done = run("make", "-C", BUILD, "install", f"DESTDIR={target}", timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return target


def installed(staged, name):
    found = [p for p in staged.rglob(name) if p.is_file() or p.is_symlink()]
    assert found, f"{name} is not installed"
    return found[0]


@pytest.mark.parametrize("program, mode", [
    ("samhain", 0o700), ("yule", 0o755), ("yulectl", 0o755), ("samhain_setpwd", 0o755)])
def test_programs_are_installed_with_their_modes(staged, program, mode):
    found = [p for p in staged.rglob(program) if p.is_file() and p.parent.name in ("sbin", "bin")]
    assert found, program
    if program in ("samhain", "yule"):
        assert found[0].stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("page", ["samhain.8", "yule.8", "yulectl.8", "samhain_setpwd.8",
                                  "samhainrc.5", "yulerc.5"])
def test_manual_pages_are_installed(staged, page):
    path = installed(staged, page)
    if shutil.which("mandoc"):
        done = run("mandoc", "-T", "lint", "-W", "warning", path)
        assert done.returncode == 0, done.stdout


def test_the_servers_directories_are_made(staged):
    waiting = [p for p in staged.rglob("pending") if p.is_dir()]
    assert len(waiting) == 1, waiting
    assert waiting[0].stat().st_mode & 0o777 == 0o700
    assert waiting[0].parent.stat().st_mode & 0o777 == 0o755


def init_scripts():
    return sorted((daemons.REPOSITORY / "etc").glob("*.init.in"))


@pytest.mark.anybody
@pytest.mark.parametrize("script", init_scripts(), ids=lambda p: p.name)
def test_init_scripts_have_lsb_headers_actions_and_sound_syntax(script):
    text = script.read_text()
    for word in ("### BEGIN INIT INFO", "### END INIT INFO", "Provides:", "Required-Start:",
                 "Required-Stop:", "Default-Start:", "Default-Stop:", "Short-Description:"):
        assert word in text, word
    for action in ("start", "stop", "restart", "reload", "force-reload", "status"):
        assert re.search(rf"\b{action}\b", text), action
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0


@pytest.mark.parametrize("name", ["samhain.service", "yule.service"])
def test_units_are_sound(staged, name):
    unit = installed(staged, name)
    assert not re.search(r"@[a-z_]+@", unit.read_text()), "all places are filled in"
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    done = run(analyze, "verify", "--man=no", unit)
    complaints = [line for line in done.stderr.split("\n")
                  if name in line and "is not executable" not in line]
    assert complaints == []


def with_own_paths(daemon, sample):
    """The sample, its paths led into the test's folder by lines that come first."""
    text = (daemons.REPOSITORY / "etc" / sample).read_text(encoding="latin-1")
    paths = [entry for entry in daemon.settings["Misc"] if "Path=" in entry or "File=" in entry]
    return "[Misc]\n" + "\n".join(paths) + "\n" + text


def warnings(some_lines):
    return [line.raw for line in some_lines if line.severity in ("WARN", "ERROR", "CRIT")]


def test_the_sample_yulerc_is_taken_without_a_warning(yule):
    yule.write_config(with_own_paths(yule, "yulerc"))
    yule.spawn("--foreground", "-p", "info")
    yule.wait_up()
    assert warnings(yule.stderr_lines()) == []


def test_the_sample_samhainrc_is_taken_without_a_warning(samhain):
    samhain.write_config(with_own_paths(samhain, "samhainrc"))
    done = samhain.call("-t", "check", "--foreground", "-p", "warn", "-e", "none")
    assert str(samhain.baseline) in done.stderr, "it came as far as the baseline that is not there"
    complaints = [raw for raw in warnings(lines.parse_all(done.stderr))
                  if "configuration" in raw or "Invalid" in raw or "built" in raw]
    assert complaints == []


@pytest.mark.parametrize("program", ["yule", "samhain"])
def test_init_scripts_work_with_their_codes(folder, yule, samhain, program):
    daemon = {"yule": yule, "samhain": samhain}[program]
    if program == "samhain":
        daemon.init()
    daemon.write_config()
    wrapper = folder / program  # the installed program would use the installed configuration
    wrapper.write_text(f'#!/bin/sh\nexec {daemon.program} "$1" --config-file={daemon.config}\n')
    wrapper.chmod(0o755)
    made = (BUILD / "etc" / f"{program}.init").read_text()
    script = folder / f"{program}.init"
    script.write_text(re.sub("(?m)^PROGRAM=.*$", f"PROGRAM={wrapper}", made))

    def act(*words):
        return run("sh", script, *words).returncode

    assert act("status") == 3
    assert act("reload") == 7
    assert act("start") == 0
    assert act("status") == 0
    assert act("reload") == 0
    assert act("restart") == 0
    assert act("stop") == 0
    assert act("status") == 3
    assert act("nonsense") == 2
    assert act("stop", "more") == 2
    script.write_text(re.sub("(?m)^PROGRAM=.*$", "PROGRAM=/nonexistent", made))
    assert act("start") == 5
