"""samhain: start, configuration, baseline, control, files that do not hold still."""

import hashlib
import os
import pwd
import re
import signal
import socket
import stat
import struct
import threading
import time

import pytest

from harness import daemons, lines, processes
from harness.daemons import Samhain, run
from harness.waiting import stays, wait_for
from harness.world import CLIENT1


@pytest.fixture
def alone(samhain):
    """An agent that has no server."""
    del samhain.settings["Client"]
    samhain.set("Log", "ExportSeverity", "none")
    return samhain


def policies(daemon, path=None, source="stderr"):
    found = daemon.stderr_lines() if source == "stderr" else daemon.log_lines()
    return [one for one in found if one.msg.startswith("POLICY")
            and path in (None, one.get("path"))]


def checked(agent, *arguments):
    """The lines of one check."""
    done = agent.check(*arguments)
    assert done.returncode == 0, done.stderr
    return lines.parse_all(done.stderr, agent.form)


def findings(all_lines):
    return {one.get("path"): one for one in all_lines if one.msg.startswith("POLICY")}


# --- start and end --------------------------------------------------------------------------------------


def test_init_and_check_exit_with_0_and_say_start_and_exit(alone):
    (alone.tree / "f").write_text("x\n")
    alone.init()
    seen = checked(alone)
    assert (seen[0].msg, seen[0].get("program"), seen[0].severity) == ("START", "Samhain", "ALERT")
    end = seen[-1]
    assert (end.msg, end.get("status"), end.severity) == ("EXIT", "exit_success", "ALERT")
    marks = [one.msg for one in seen if one.severity == "MARK"]
    assert marks == ["File check starting.", "File check completed."]
    completed = next(one for one in seen if one.msg == "File check completed.")
    assert re.fullmatch(r"\d+", completed.get("time"))
    assert re.fullmatch(r"\d+\.\d{6}", completed.get("kBps"))
    assert findings(seen) == {}


def test_without_an_action_it_says_so_and_exits_with_1(alone):
    alone.write_config()
    done = alone.call("--foreground")
    assert done.returncode == 1
    assert "No action specified" in done.stderr


def test_a_check_without_a_baseline_fails(alone):
    done = alone.check()
    assert done.returncode == 1
    assert str(alone.baseline) in done.stderr


@pytest.mark.parametrize("number, status", [
    (signal.SIGTERM, "Terminated"), (signal.SIGINT, "Interrupt"), (signal.SIGQUIT, "Quit")])
def test_a_signal_ends_it_with_status_0_and_the_reason(alone, number, status):
    alone.init()
    alone.start()
    roles = alone.roles()
    assert {p.role for p in roles} >= {"measurer"}
    alone.signal(number)
    assert alone.wait_end() == 0
    assert alone.wait_line(msg="EXIT", status=status)
    wait_for("no role left", lambda: not any(processes.is_alive(p.pid) for p in roles))


def test_control_words_and_their_exit_codes(alone):
    alone.init()

    def word(name):
        return alone.call(name).returncode

    checks = alone.count(msg="File check completed.")
    assert word("status") == 3
    assert word("reload") == 7
    assert word("stop") == 0
    assert word("start") == 0
    wait_for("a check", lambda: alone.count(msg="File check completed.") > checks,
             told=alone.told)
    assert processes.is_alive(alone.pid)
    first = alone.pid
    assert word("status") == 0
    assert word("start") == 0 and alone.pid == first
    assert word("reload") == 0
    alone.wait_line(msg="Runtime configuration reloaded")
    assert word("restart") == 0
    wait_for("another", lambda: alone.pid not in (0, first))
    os.kill(alone.pid, signal.SIGKILL)
    wait_for("its end", lambda: not processes.is_alive(alone.pid))
    assert word("status") == 1
    assert word("start") == 0
    assert word("stop") == 0
    assert word("status") == 3


def test_control_words_of_a_user_who_may_not_exit_with_4(alone):
    alone.init()
    assert alone.call("start").returncode == 0
    running = alone.pid
    os.chown(alone.config, *pwd.getpwnam("nobody")[2:4])
    alone.user = "nobody"
    assert alone.call("stop").returncode == 4
    assert alone.call("reload").returncode == 4
    assert processes.is_alive(running)


def test_an_ordinary_user_can_check_what_he_may_read(folder, alone):
    alone.user = "nobody"
    ids = alone.user_ids()
    (alone.tree / "f").write_text("x\n")
    for path in (folder, alone.state, alone.log.parent, alone.tree, alone.password_file):
        os.chown(path, *ids)
    alone.init()
    (alone.tree / "f").write_text("yy\n")
    assert str(alone.tree / "f") in findings(checked(alone))


def test_daemon_mode_runs_in_the_background(alone):
    alone.init()
    alone.set("Misc", "Daemon", "yes")
    alone.write_config()
    done = alone.call("-t", "check", "-D")
    assert done.returncode == 0, done.stderr
    assert alone.pid and processes.is_alive(alone.pid)
    alone.wait_line(msg="File check completed.")


# --- configuration ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("content, told", [
    ("[Misc]\nNoSuchKey=1\n", "Invalid line"),
    ("NoSection=1\n[Misc]\n", "Invalid line"),
    ("[Misc]\nnothing at all\n", "Invalid line"),
    ("[NoSuchSection]\na=b\n", "Unrecognized section heading"),
    ("[ReadOnly]\ndir=100/tmp\n", "Invalid input"),
    ("[ReadOnly]\nfile=relative\n", "Invalid input|Filename not an absolute path"),
    ("[Misc]\nSetFilecheckTime=-1\n", "Invalid input"),
    ("[Log]\nPrintSeverity=loud\n", "Invalid input"),
    ("[Misc]\n@fi\n", "Configuration file: Unmatched @end"),
    ("@if nonsense_test x\n@fi\n", "Unsupported test"),
])
def test_a_wrong_line_is_told_and_the_rest_counts(alone, content, told):
    (alone.tree / "f").write_text("x\n")
    alone.init()
    (alone.tree / "f").write_text("yy\n")
    alone.write_config(content + alone.config_text())
    done = alone.call("-t", "check", "--foreground")
    seen = lines.parse_all(done.stderr)
    warned = [one for one in seen if re.match(told, one.msg)]
    assert warned and warned[0].severity in ("WARN", "ERROR"), done.stderr
    assert str(alone.config) in done.stderr
    assert str(alone.tree / "f") in findings(seen)


def test_an_option_of_the_original_that_is_not_built_is_named(alone):
    alone.set("Misc", "SetReportFile", "none")
    alone.init()
    seen = checked(alone)
    line = next(one for one in seen if one.msg == "Option not built yet")
    assert line.severity == "WARN" and line.get("option").lower() == "setreportfile"


@pytest.mark.parametrize("junk", [b"\x7fELF" + os.urandom(5000), b"\0" * 100,
                                  b"[Misc]\n" + b"y" * 100_000], ids=["elf", "nul", "long"])
def test_binary_junk_as_configuration_is_told_and_checks_nothing(alone, junk):
    alone.init()
    alone.config.write_bytes(junk)
    done = alone.call("-t", "check", "--foreground")
    assert done.returncode in (0, 1)
    assert re.search("Invalid line|Unreadable|Unrecognized|PANIC", done.stderr)


def test_conditionals_choose_by_host_name_and_files(alone):
    (alone.tree / "f").write_text("x\n")
    alone.settings["ReadOnly"] = []
    conditional = (f"[ReadOnly]\n@if hostname_matches {re.escape(CLIENT1)}\ndir={alone.tree}\n@else\n"
                   f"dir=/nonexistent\n@fi\n@if not file_exists {alone.tree}\ndir=/nowhere\n@fi\n")
    alone.write_config(alone.config_text() + conditional)
    done = alone.call("-t", "init")
    assert done.returncode == 0
    listed = run(daemons.SAMHAIN, "-d", alone.baseline)
    assert str(alone.tree / "f") in listed.stdout
    assert "nonexistent" not in done.stderr and "nowhere" not in done.stderr


def test_an_untrusted_configuration_is_a_panic(alone):
    alone.write_config()
    alone.config.chmod(0o666)
    done = alone.call("-t", "init")
    assert done.returncode == 1
    assert "World writeable" in done.stderr and "PANIC - Untrusted path" in done.stderr


def test_sighup_reads_the_configuration_again(folder, alone):
    other = folder / "other"
    other.mkdir()
    (other / "f").write_text("x\n")
    (alone.tree / "f").write_text("x\n")
    alone.add("Attributes", f"dir={other}")
    alone.init()
    alone.settings["Attributes"] = []
    alone.start()
    alone.add("ReadOnly", f"dir={other}")
    alone.write_config()
    alone.signal(signal.SIGHUP)
    assert alone.wait_line(msg="Runtime configuration reloaded").severity == "CRIT"
    (other / "f").write_text("yy\n")
    assert alone.wait_line(msg=re.compile("POLICY"), path=str(other / "f"))


def test_a_reload_does_not_report_the_same_findings_again(alone):
    (alone.tree / "f").write_text("x\n")
    alone.init()
    alone.start()
    (alone.tree / "f").write_text("yy\n")
    (alone.tree / "new").write_text("x\n")
    for name in ("f", "new"):
        alone.wait_line(msg=re.compile("^POLICY"), path=str(alone.tree / name))
    alone.signal(signal.SIGHUP)
    alone.wait_line(msg="Runtime configuration reloaded")
    done = alone.count(msg="File check completed.")
    (alone.tree / "later").write_text("x\n")  # the scanner of the new configuration is at work
    alone.wait_line(msg="POLICY ADDED", path=str(alone.tree / "later"))
    alone.wait_checks(done + 2)
    for name in ("f", "new", "later"):
        assert alone.count(msg=re.compile("^POLICY"), path=str(alone.tree / name)) == 1, name


def test_sighup_with_a_broken_configuration_keeps_the_old_one(alone):
    alone.init()
    alone.start()
    good = alone.config_text()
    for broken, mode in ((good + "[Misc]\nNoSuchKey=1\n", 0o600), (good, 0o666)):
        stayed = alone.count(msg="Old configuration stays")
        alone.write_config(broken)
        alone.config.chmod(mode)
        alone.signal(signal.SIGHUP)
        wait_for("a line", lambda n=stayed: alone.count(
            severity="CRIT", msg="Old configuration stays") > n, told=alone.told)
    assert alone.count(msg="Runtime configuration reloaded") == 0
    alone.config.unlink()
    alone.signal(signal.SIGHUP)
    wait_for("a third", lambda: alone.count(msg="Old configuration stays") == 3, told=alone.told)
    (alone.tree / "f").write_text("x\n")
    alone.wait_line(msg="POLICY ADDED", path=str(alone.tree / "f"))


# --- baseline ------------------------------------------------------------------------------------------------


@pytest.fixture
def with_baseline(alone):
    for number in range(50):
        (alone.tree / f"f{number}").write_text(f"{number}\n")
    alone.init()
    return alone


def assert_baseline_is_refused(agent):
    done = agent.check()
    assert done.returncode == 1, done.stderr
    assert str(agent.baseline) in done.stderr
    assert "POLICY" not in done.stderr, "nothing was compared"


@pytest.mark.parametrize("where", ["head", "middle", "end"])
def test_a_baseline_with_one_byte_changed_is_refused(with_baseline, where):
    content = bytearray(with_baseline.baseline.read_bytes())
    position = {"head": 20, "middle": len(content) // 2, "end": len(content) - 2}[where]
    content[position] ^= 1
    with_baseline.baseline.write_bytes(content)
    assert_baseline_is_refused(with_baseline)


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_truncated_baseline_is_refused(with_baseline, keep):
    content = with_baseline.baseline.read_bytes()
    with_baseline.baseline.write_bytes(content[:keep])
    assert_baseline_is_refused(with_baseline)


def test_a_baseline_with_something_added_is_refused(with_baseline):
    with open(with_baseline.baseline, "ab") as file:
        file.write(b"\0")
    assert_baseline_is_refused(with_baseline)


def test_a_baseline_of_a_newer_format_is_refused_as_such(with_baseline):
    content = bytearray(with_baseline.baseline.read_bytes())
    content[-20:-16] = struct.pack(">I", struct.unpack(">I", content[-20:-16])[0] + 1)
    with_baseline.baseline.write_bytes(content)
    assert_baseline_is_refused(with_baseline)
    assert re.search("newer|version|format", with_baseline.check().stderr)


def test_a_baseline_that_others_may_write_is_refused(with_baseline):
    with_baseline.baseline.chmod(0o666)
    assert_baseline_is_refused(with_baseline)


def test_a_key_that_others_may_read_is_refused(with_baseline):
    key = with_baseline.baseline.with_name(with_baseline.baseline.name + ".key")
    key.chmod(0o644)
    done = with_baseline.check()
    assert done.returncode == 1 and str(key) in done.stderr


def test_a_baseline_signed_by_another_key_is_refused(folder, with_baseline):
    sub = folder / "elsewhere"
    sub.mkdir()
    other = Samhain(sub)
    del other.settings["Client"]
    other.init()
    with_baseline.baseline.write_bytes(other.baseline.read_bytes())
    assert_baseline_is_refused(with_baseline)


def test_a_kill_during_init_leaves_the_old_baseline(with_baseline):
    agent = with_baseline
    old = agent.baseline.read_bytes()
    for number in range(3000):
        (agent.tree / f"more{number}").write_text("x" * 200)
    agent.write_config()
    for delay_ms in (0, 20, 60, 120, 200):
        agent.spawn("-t", "init")
        wait_for("a measurer", lambda: agent.roles("measurer") or agent.process.poll() is not None)
        at = time.monotonic() + delay_ms / 1000
        wait_for("the moment", lambda at=at: time.monotonic() >= at)
        agent.kill()
        now = agent.baseline.read_bytes()
        if now != old:
            # It was through already: then it is whole and signed.
            assert checked(agent)
            old = agent.baseline.read_bytes()
    agent.init()
    assert findings(checked(agent)) == {}


def test_h12_a_second_init_replaces_the_baseline(with_baseline):
    (with_baseline.tree / "new").write_text("x\n")
    with_baseline.init()
    assert findings(checked(with_baseline)) == {}
    mode = stat.S_IMODE(with_baseline.baseline.stat().st_mode)
    assert mode & 0o077 == 0


def test_list_database_shows_what_is_trusted(with_baseline):
    path = with_baseline.tree / "f7"
    short = run(daemons.SAMHAIN, "-d", with_baseline.baseline)
    assert short.returncode == 0
    assert len([one for one in short.stdout.split("\n") if str(path) in one]) == 1
    detail = run(daemons.SAMHAIN, "-a", "-d", with_baseline.baseline)
    assert detail.returncode == 0 and len(detail.stdout) > len(short.stdout)
    assert hashlib.sha256(b"7\n").hexdigest() in detail.stdout


def test_list_database_trusts_whom_the_configuration_trusts_with_the_configured_one(with_baseline):
    os.chown(with_baseline.state, *pwd.getpwnam("daemon")[2:4])
    with_baseline.set("Misc", "TrustedUser", "daemon")
    with_baseline.write_config()
    listed = run(daemons.SAMHAIN, f"--config-file={with_baseline.config}", "-d", "default")
    assert listed.returncode == 0, listed.stderr
    assert str(with_baseline.tree / "f7") in listed.stdout
    by_path = run(daemons.SAMHAIN, f"--config-file={with_baseline.config}", "-d",
                  with_baseline.baseline)
    assert by_path.returncode == 1 and "Owner not trustworthy" in by_path.stderr


def test_list_database_refuses_a_file_that_is_none(with_baseline):
    bad = with_baseline.folder / "bad"
    bad.write_bytes(b"no baseline")
    done = run(daemons.SAMHAIN, "-d", bad)
    assert done.returncode == 1 and done.stderr


@pytest.mark.anybody
def test_hash_string_of_a_text_and_of_a_file(tmp_path):
    text = run(daemons.SAMHAIN, "-H", "abc")
    assert text.returncode == 0
    assert hashlib.sha256(b"abc").hexdigest() in text.stdout.replace(" ", "").lower()
    file = tmp_path / "f"
    file.write_bytes(b"content")
    of_file = run(daemons.SAMHAIN, "-H", file)
    assert of_file.stdout.startswith(f"{file}: ") or str(file) in of_file.stdout
    assert hashlib.sha256(b"content").hexdigest() in of_file.stdout.replace(" ", "").lower()


# --- policies ---------------------------------------------------------------------------------------------------


def test_policies_and_their_precedence(folder, alone):
    tree = alone.tree
    for name in ("ro", "attr", "log", "grow", "none", "all"):
        (tree / name).mkdir()
        (tree / name / "f").write_text("12345678\n")
    (tree / "ro" / "excepted").write_text("x\n")
    (tree / "all" / "deep").mkdir()
    alone.settings["ReadOnly"] = [f"dir=2{tree}/ro"]
    alone.add("Attributes", f"dir={tree}/attr")
    alone.add("LogFiles", f"dir={tree}/log")
    alone.add("GrowingLogFiles", f"dir={tree}/grow")
    alone.add("IgnoreNone", f"dir={tree}/none")
    alone.add("IgnoreAll", f"dir=-1{tree}/all")
    alone.add("IgnoreAll", f"file={tree}/ro/excepted")
    alone.init()
    for name in ("ro", "attr", "log", "grow", "none", "all"):
        with open(tree / name / "f", "a", encoding="ascii") as file:
            file.write("more\n")
    (tree / "ro" / "excepted").write_text("changed\n")
    (tree / "all" / "deep" / "new").write_text("x\n")
    seen = findings(checked(alone))
    assert re.match(r"POLICY \[ReadOnly\] C-------TS", seen[f"{tree}/ro/f"].msg)
    assert re.match(r"POLICY \[IgnoreNone\] C-------TS", seen[f"{tree}/none/f"].msg)
    for silent in ("attr/f", "log/f", "grow/f", "all/f", "all/deep/new", "ro/excepted"):
        assert f"{tree}/{silent}" not in seen, silent

    (tree / "grow" / "f").write_text("87654321\nmore\n")  # the beginning is another now
    (tree / "attr" / "f").chmod(0o600)
    seen = findings(checked(alone))
    assert re.match(r"POLICY \[GrowingLogs\] C--------", seen[f"{tree}/grow/f"].msg)
    assert re.match(r"POLICY \[Attributes\] -----M", seen[f"{tree}/attr/f"].msg)
    (tree / "grow" / "f").write_text("12\n")
    assert re.match(r"POLICY \[GrowingLogs\] C--------S", findings(checked(alone))[
        f"{tree}/grow/f"].msg)


def test_a_daemon_reports_once_what_stays_changed(alone):
    (alone.tree / "f").write_text("x\n")
    alone.init()
    alone.start()
    (alone.tree / "f").write_text("yy\n")
    alone.wait_line(msg=re.compile("POLICY"), path=str(alone.tree / "f"))
    done = alone.count(msg="File check completed.")
    alone.wait_checks(done + 2)
    assert alone.count(msg=re.compile("POLICY"), path=str(alone.tree / "f")) == 1


# --- names --------------------------------------------------------------------------------------------------------


HOSTILE = [b"new\nline", b"esc\x1b[31mred", b"x>, path=<etc>", b"quo\"te", b"back\\slash",
           b"caf\xc3\xa9", b"latin\xe9", b"\xff\xfe\x80", b"trailing ", b" leading", b"tab\tcr\r",
           b"$(reboot)", b"a,b;c=d", b"%s%n", b"\x01\x7f", b"'single'", b"-" * 200]


@pytest.mark.parametrize("form", ["guide", "classic"])
def test_any_file_name_is_one_line_from_which_it_can_be_read_back(folder, yule, form):
    yule.set("Log", "LogFormat", form)
    yule.form = form
    yule.start()
    samhain = Samhain(folder, form=form)
    samhain.init()
    tree = os.fsencode(samhain.tree)
    for name in HOSTILE:
        with open(tree + b"/" + name, "wb") as file:
            file.write(b"x")
    done = samhain.check()
    assert done.returncode == 0, done.stderr
    yule.wait_line(inner=True, msg="EXIT")
    expected = sorted(tree + b"/" + name for name in HOSTILE)
    local = sorted(one.value_bytes("path") for one in samhain.log_lines()
                   if one.msg == "POLICY ADDED")
    assert local == expected
    remote = sorted(one.value_bytes("path") for one in yule.client_lines()
                    if one.msg == "POLICY ADDED")
    assert remote == expected
    for log in (samhain.log, yule.log):
        assert not re.search(rb"[^\x20-\x7e\n]", log.read_bytes())
        for raw in log.read_bytes().split(b"\n"):
            assert not raw or re.match(rb"^.{8}  \[", raw), raw


# --- files that do not hold still -----------------------------------------------------------------------------------


def churn(tree, until):
    """Files that change, vanish, turn into symlinks, directories and back, as fast as we can."""
    victims = [tree / f"v{n}" for n in range(20)]
    step = 0
    while not until.is_set():
        step += 1
        victim = victims[step % len(victims)]
        try:
            if victim.is_symlink() or victim.is_file():
                victim.unlink()
            elif victim.is_dir():
                victim.rmdir()
            if step % 4 == 0:
                victim.symlink_to("/etc/shadow")
            elif step % 4 == 1:
                victim.mkdir()
            elif step % 4 == 2:
                victim.write_bytes(os.urandom(200_000))
        except OSError:
            continue


def test_files_that_change_vanish_and_turn_while_they_are_read_harm_nothing(alone):
    (alone.tree / "still").write_text("x\n")
    with open("/etc/shadow", "rb") as file:
        secret_digest = hashlib.sha256(file.read()).hexdigest()
    alone.init()
    until = threading.Event()
    worker = threading.Thread(target=churn, args=(alone.tree, until))
    worker.start()
    try:
        alone.start()
        roles = {p.pid for p in alone.roles("measurer")}
        alone.wait_checks(alone.count(msg="File check completed.") + 5)
        assert {p.pid for p in alone.roles("measurer")} == roles, "no measurer died"
        (alone.tree / "still").write_text("yy\n")
        alone.wait_line(msg=re.compile("^POLICY .*C"), path=str(alone.tree / "still"))
    finally:
        until.set()
        worker.join(20)
    # A symlink put there in between was never followed.
    assert secret_digest not in daemons.text_of(alone.log)


def test_a_fifo_and_a_socket_are_not_opened(alone):
    os.mkfifo(alone.tree / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(alone.tree / "socket"))
        alone.init()
        assert findings(checked(alone)) == {}
    os.unlink(alone.tree / "fifo")
    os.mkfifo(alone.tree / "fifo", 0o600)
    assert f"{alone.tree}/fifo" in findings(checked(alone))


def test_a_directory_that_cannot_be_read_through_a_symlink_is_told(alone):
    (alone.tree / "real").mkdir()
    (alone.tree / "link").symlink_to("real")
    alone.settings["ReadOnly"] = [f"dir={alone.tree}/link"]
    done = alone.init()
    assert "POLICY NODIRECTORY" in done.stderr


# --- where it cannot write ----------------------------------------------------------------------------------------------


def test_a_state_directory_that_is_missing_fails_the_start_on_stderr(alone):
    alone.init()
    alone.set("Misc", "SetDatabasePath", "/proc/nowhere/samhain_file")
    alone.write_config()
    for arguments in (("-t", "init"), ("-t", "check", "-D"), ("start",)):
        done = alone.call(*arguments)
        assert done.returncode == 1, arguments
        assert "/proc/nowhere" in done.stderr


def test_a_log_that_cannot_be_written_fails_the_start_on_stderr(alone):
    alone.init()
    alone.set("Misc", "SetLogfilePath", "/proc/nowhere/samhain_log")
    alone.write_config()
    done = alone.call("start")
    assert done.returncode == 1
    assert "/proc/nowhere/samhain_log" in done.stderr


def test_a_spool_that_cannot_be_written_fails_the_start_on_stderr(samhain):
    samhain.init()
    samhain.set("Misc", "SetSpoolPath", "/proc/nowhere/spool")
    samhain.write_config()
    done = samhain.call("start")
    assert done.returncode == 1
    assert "/proc/nowhere/spool" in done.stderr


def test_a_check_beside_the_daemon_leaves_its_spool_alone_and_says_so(yule, samhain):
    yule.start()
    samhain.init()
    samhain.start()
    second = samhain.call("-t", "check", "--foreground")
    assert second.returncode == 0
    told = [one for one in lines.parse_all(second.stderr)
            if one.msg == "Service failure" and one.get("service") == "log server"]
    assert told and str(samhain.spool) in told[0].get("reason")
    (samhain.tree / "afterwards").write_text("x\n")
    yule.wait_line(inner=True, msg="POLICY ADDED", path=str(samhain.tree / "afterwards"))
    assert yule.count(severity="CRIT", msg="Restart without prior exit") == 0


def test_a_measurer_that_dies_comes_back_and_the_scan_is_complete(alone):
    (alone.tree / "f").write_text("x\n")
    alone.init()
    alone.start()
    for victim in alone.roles("measurer"):
        os.kill(victim.pid, signal.SIGKILL)
    (alone.tree / "f").write_text("yy\n")
    alone.wait_line(msg=re.compile("POLICY"), path=str(alone.tree / "f"))
    stays("the agent", lambda: alone.process.poll() is None, 0.2)


def test_the_end_of_the_scanner_is_the_end_of_all(yule, samhain):
    yule.start()
    samhain.init()
    samhain.start()
    roles = wait_for("roles", lambda: samhain.roles())
    samhain.kill()
    wait_for("no role left", lambda: not any(processes.is_alive(p.pid) for p in roles))
