"""--check-config: what a start would say, without starting."""

import os

from harness.daemons import server_identity
from harness.world import CLIENT1


def check(daemon):
    daemon.write_config()
    before = sorted(path.name for path in daemon.folder.rglob("*"))
    done = daemon.call("--check-config")
    assert sorted(path.name for path in daemon.folder.rglob("*")) == before, "it wrote something"
    return done


def test_yule_says_what_would_be_used_when_nothing_is_wrong(yule):
    done = check(yule)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in (str(yule.config), str(yule.log), str(yule.port), server_identity().pw_name):
        assert word in done.stdout, word
    assert done.stdout.endswith("Nothing is wrong.\n")
    assert not yule.log.exists()


def test_yule_names_line_value_and_remedy(yule):
    yule.set("Server", "SetIdleTimeout", "soon")
    done = check(yule)
    line = yule.config_text().splitlines().index("SetIdleTimeout=soon") + 1
    assert done.returncode == 1
    assert f'line="{line}"' in done.stdout and 'obj="soon"' in done.stdout
    assert 'reason="not a number"' in done.stdout and 'remedy="give a whole number' in done.stdout


def test_yule_warns_of_what_has_no_effect(yule):
    yule.set("Misc", "MACType", "HASH-TIGER")
    yule.set("Log", "MailSeverity", "none")
    yule.write_config()
    done = yule.call("--check-config", "-S")
    assert done.returncode == 0, done.stdout
    assert 'msg="Option without use" option="mactype"' in done.stdout
    assert "HMAC-SHA-256" in done.stdout
    assert 'msg="Option not built yet" option="mailseverity"' in done.stdout
    assert "WARN   option -S: no use any more" in done.stdout


def test_yule_tells_what_its_user_cannot_write_or_read(yule):
    os.chown(yule.log.parent, 0, 0)
    yule.log.parent.chmod(0o755)
    yule.write_config()
    yule.config.chmod(0o600)
    done = yule.call("--check-config")
    assert done.returncode == 1
    assert f"log file {yule.log}: " in done.stdout and "cannot write in" in done.stdout
    assert "no reload would work" in done.stdout


def test_yule_tells_a_path_that_cannot_be_trusted(yule):
    yule.write_config()
    yule.config.chmod(0o666)
    done = yule.call("--check-config")
    assert done.returncode == 1
    assert 'msg="World writeable"' in done.stdout and "PANIC - Untrusted path" in done.stdout


def test_samhain_says_what_would_be_used_when_nothing_is_wrong(samhain):
    samhain.write_config()
    samhain.set("Misc", "ChecksumTest", "init")
    done = check(samhain)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in (CLIENT1, str(samhain.baseline), str(samhain.spool), "port 49777"):
        assert word in done.stdout, word


def test_samhain_tells_all_that_is_wrong_at_once(samhain):
    samhain.set("Misc", "ChecksumTest", "check")
    samhain.set("Misc", "SetLoopTime", "-1")
    samhain.set("Misc", "SetLogfilePath", "/nowhere/log")
    samhain.password_file.chmod(0o644)
    done = check(samhain)
    assert done.returncode == 1
    for text in ('obj="-1"', "make one with samhain -t init", "/nowhere", "password file"):
        assert text in done.stdout, (text, done.stdout)
