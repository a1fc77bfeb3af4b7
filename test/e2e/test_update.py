"""samhain -t update, samhain update, findings and history: what is accepted, and what never is."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from harness import daemons, lines
from harness.daemons import run
from harness.waiting import stays, wait_for


@pytest.fixture
def alone(samhain):
    """An agent that has no server, with a baseline of three files."""
    del samhain.settings["Client"]
    samhain.set("Log", "ExportSeverity", "none")
    samhain.set("Log", "LogSeverity", "none")
    for name in ("changed", "gone", "same"):
        (samhain.tree / name).write_text("old\n")
    samhain.init()
    return samhain


def change_all(agent):
    (agent.tree / "changed").write_text("newer\n")
    (agent.tree / "added").write_text("x\n")
    (agent.tree / "gone").unlink()


def told(agent, done, status=0):
    assert done.returncode == status, done.stderr
    return lines.parse_all(done.stderr, agent.form)


def findings(all_lines):
    return {one.get("path"): one.msg.split()[-1] for one in all_lines
            if one.msg.startswith("POLICY")}


def checked(agent):
    return findings(told(agent, agent.check()))


def names_in(agent):
    listed = run(daemons.SAMHAIN, "-d", agent.baseline)
    assert listed.returncode == 0, listed.stderr
    return {line.rsplit("/", 1)[1] for line in listed.stdout.splitlines()}


# --- all of it ---------------------------------------------------------------------------------------------


def test_an_update_tells_everything_and_a_check_is_silent_afterwards(alone):
    change_all(alone)
    seen = told(alone, alone.call("-t", "update", "--reason", "spring"))
    found = findings(seen)
    assert found[str(alone.tree / "added")] == "ADDED"
    assert found[str(alone.tree / "gone")] == "MISSING"
    assert found[str(alone.tree / "changed")] == "C-------TS"
    updated = next(one for one in seen if one.msg == "Baseline updated")
    assert updated.get("accepted") == str(len(found))
    assert updated.get("reason") == "spring"
    assert checked(alone) == {}
    assert "added" in names_in(alone) and "gone" not in names_in(alone)


def test_checksumtest_update_ends_in_the_foreground(alone):
    change_all(alone)
    alone.set("Misc", "ChecksumTest", "update")
    alone.set("Misc", "Daemon", "yes")
    alone.write_config()
    told(alone, alone.call("-f"))
    alone.set("Misc", "ChecksumTest", "none")
    alone.set("Misc", "Daemon", "no")
    assert checked(alone) == {}


@pytest.mark.parametrize("name", ["added", "changed", "gone"])
def test_a_list_accepts_its_paths_and_the_others_are_still_told(alone, folder, name):
    change_all(alone)
    (folder / "list").write_text(f"{alone.tree / name}\n{alone.tree}\n")
    seen = findings(told(alone, alone.call("-t", "update", f"--listfile={folder / 'list'}")))
    assert len(seen) == 4
    rest = checked(alone)
    assert set(rest) == {str(alone.tree / other) for other in ("added", "changed", "gone")
                         if other != name}


def test_a_list_that_cannot_be_read_is_an_error(alone, folder):
    before = alone.baseline.read_bytes()
    done = alone.call("-t", "update", f"--listfile={folder / 'none'}")
    assert done.returncode == 1
    assert str(folder / "none") in done.stderr
    assert alone.baseline.read_bytes() == before


def test_an_update_killed_in_the_middle_leaves_the_old_baseline(alone, terminal):
    before = alone.baseline.read_bytes()
    change_all(alone)
    dialogue = terminal(alone, "-t", "update", "-i")
    dialogue.wait_for("[Y/n] ? ")
    dialogue.answer("y\n")
    assert alone.baseline.with_name("samhain_file.new").exists()
    dialogue.process.kill()
    dialogue.end()
    assert alone.baseline.read_bytes() == before
    told(alone, alone.call("-t", "update"))
    assert checked(alone) == {}


def test_a_second_update_is_refused_while_one_runs(alone, terminal):
    change_all(alone)
    first = terminal(alone, "-t", "update", "-i")
    first.wait_for("[Y/n] ? ")
    second = alone.call("-t", "update")
    assert second.returncode == 1
    assert "another init or update is under way" in second.stderr
    for _ in range(4):
        first.answer("y\n")
    assert first.end() == 0
    assert checked(alone) == {}


def test_a_baseline_that_only_the_server_has_is_not_updated(alone):
    alone.set("Misc", "SetDatabasePath", "REQ_FROM_SERVER")
    alone.write_config()
    done = alone.call("-t", "update")
    seen = told(alone, done, 1)
    refused = next(one for one in seen if one.msg == "Invalid input")
    assert refused.get("option") == "checksum testing"


def test_other_digests_come_with_an_update_and_not_before(alone):
    alone.set("Misc", "DigestAlgo", "SHA512")
    assert checked(alone) == {}
    assert findings(told(alone, alone.call("-t", "update"))) == {}
    listed = run(daemons.SAMHAIN, "-a", "-d", alone.baseline).stdout
    assert re.search(r"\b[0-9a-f]{128}\b", listed)
    assert checked(alone) == {}
    (alone.tree / "same").write_text("odl\n")
    assert checked(alone)[str(alone.tree / "same")].startswith("C")


# --- the dialogue ------------------------------------------------------------------------------------------


class Terminal:
    """A program in the foreground of a terminal of its own, which may show a bar there."""

    def __init__(self, command):
        self.master, slave = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(["setsid", "--ctty", *command], stdin=slave, stdout=slave,
                                        stderr=slave, cwd="/")
        os.close(slave)

    def look(self):
        while select.select([self.master], [], [], 0)[0]:
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # the other end is closed
                return
            if not piece:
                return
            self.text += piece.decode("latin-1")

    def wait_for(self, text, count=1):
        def is_there():
            self.look()
            return self.text.count(text) >= count
        wait_for(text, is_there, 20.0, lambda: self.text)

    def answer(self, line):
        asked = self.text.count("Update ")
        os.write(self.master, line.encode())

        def goes_on():
            self.look()
            return self.text.count("Update ") > asked or self.process.poll() is not None
        wait_for("the next question", goes_on, 20.0, lambda: self.text)

    def end(self):
        def has_ended():
            self.look()
            return self.process.poll() is not None
        wait_for("the end", has_ended, 20.0, lambda: self.text)
        self.look()
        return self.process.returncode


@pytest.fixture
def terminal():
    made = []

    def make(agent, *arguments):
        made.append(Terminal(agent.command(*arguments)))
        return made[-1]
    yield make
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(10)
        os.close(one.master)


def test_the_dialogue_takes_each_change_by_its_answer(alone, terminal):
    change_all(alone)
    answers = {str(alone.tree): "\n", str(alone.tree / "added"): "yes\n",
               str(alone.tree / "changed"): "No\n", str(alone.tree / "gone"): "Y\n"}
    dialogue = terminal(alone, "-t", "update", "-i")
    for number in range(4):
        dialogue.wait_for("[Y/n] ? ", number + 1 + (number > 0))
        path = re.findall(r"Update (\S+) \[Y/n\] \? ", dialogue.text)[-1]
        if number == 0:
            dialogue.answer("maybe\n")
            assert "Please answer y(es) or n(o)" in dialogue.text
        dialogue.answer(answers[path])
    assert dialogue.end() == 0, dialogue.text
    assert checked(alone) == {str(alone.tree / "changed"): "C-------TS"}


def test_the_dialogue_does_not_ask_about_what_is_not_told(alone, terminal):
    alone.set("Misc", "LooseDirCheck", "yes")
    alone.set("Misc", "IgnoreAdded", f"{alone.tree}/added")
    alone.set("Misc", "IgnoreMissing", f"{alone.tree}/gone")
    alone.init()
    change_all(alone)
    alone.write_config()
    dialogue = terminal(alone, "-t", "update", "-i")
    dialogue.wait_for("[Y/n] ? ")
    dialogue.answer("n\n")
    assert dialogue.end() == 0, dialogue.text
    assert re.findall(r"Update (\S+) ", dialogue.text) == [str(alone.tree / "changed")]
    assert {"added", "changed"} <= names_in(alone) and "gone" not in names_in(alone)


def test_nothing_is_written_over_a_question(alone, terminal):
    change_all(alone)
    dialogue = terminal(alone, "-t", "update", "-i")
    dialogue.wait_for("[Y/n] ? ")

    def is_last():
        dialogue.look()
        return dialogue.text.endswith("[Y/n] ? ")
    stays("the question is the last word", is_last, 1.5)  # a bar would come each second


def test_an_interrupt_in_the_dialogue_leaves_the_old_baseline(alone, terminal):
    before = alone.baseline.read_bytes()
    change_all(alone)
    dialogue = terminal(alone, "-t", "update", "-i")
    dialogue.wait_for("[Y/n] ? ")
    dialogue.answer("y\n")
    dialogue.process.send_signal(signal.SIGINT)
    assert dialogue.end() == 0
    assert 'status="Interrupt"' in dialogue.text
    assert alone.baseline.read_bytes() == before
    assert not alone.baseline.with_name("samhain_file.new").exists()


def test_the_end_of_input_leaves_the_old_baseline(alone, terminal):
    before = alone.baseline.read_bytes()
    change_all(alone)
    dialogue = terminal(alone, "-t", "update", "-i")
    dialogue.wait_for("[Y/n] ? ")
    os.write(dialogue.master, b"\x04")  # ^D
    assert dialogue.end() == 1
    assert "stdin was closed" in dialogue.text
    assert alone.baseline.read_bytes() == before


def test_without_a_terminal_there_is_no_dialogue(alone):
    done = alone.call("-t", "update", "-i")
    assert done.returncode == 1
    assert "Cannot continue: stdin is not a terminal" in done.stderr


# --- single changes ----------------------------------------------------------------------------------------


def accepted(all_lines):
    return {one.get("path"): one.get("change") for one in all_lines
            if one.msg == "Change accepted"}


def test_named_paths_alone_are_measured_and_accepted(alone):
    change_all(alone)
    (alone.tree / "same").write_text("other\n")
    seen = told(alone, alone.call("update", alone.tree / "changed", alone.tree / "gone",
                                  "--reason", 'ticket "17"'))
    assert findings(seen) == {}
    assert accepted(seen) == {str(alone.tree / "changed"): "C-------TS",
                              str(alone.tree / "gone"): "MISSING"}
    rest = checked(alone)
    assert set(rest) == {str(alone.tree), str(alone.tree / "added"), str(alone.tree / "same")}


def test_a_pattern_accepts_what_fits(alone):
    change_all(alone)
    seen = told(alone, alone.call("update", f"--pattern={alone.tree}/*e*"))
    assert set(accepted(seen)) == {str(alone.tree / n) for n in ("changed", "gone", "added")}
    assert set(checked(alone)) == {str(alone.tree)}
    nothing = alone.call("update", "--pattern=/nowhere/*")
    assert nothing.returncode == 1 and "fits nothing" in nothing.stderr


def test_a_path_that_nothing_watches_is_told_with_status_1(alone, folder):
    before = alone.baseline.read_bytes()
    seen = told(alone, alone.call("update", folder / "elsewhere"), 1)
    assert next(one for one in seen if one.msg == "Nothing to accept").get("path") == str(
        folder / "elsewhere")
    assert alone.baseline.read_bytes() == before


def test_findings_have_numbers_by_which_they_are_accepted(alone):
    change_all(alone)
    found = checked(alone)
    listed = alone.call("findings", "--json")
    assert listed.returncode == 0, listed.stderr
    numbered = {one["path"]: one for one in map(json.loads, listed.stdout.splitlines())}
    assert {path: one["change"] for path, one in numbered.items()} == found
    assert sorted(one["number"] for one in numbered.values()) == [1, 2, 3, 4]
    assert os.stat(f"{alone.baseline}.findings").st_mode & 0o777 == 0o600
    wanted = numbered[str(alone.tree / "added")]
    assert f"{wanted['number']:>5} " in alone.call("findings").stdout
    seen = told(alone, alone.call("update", "--finding", wanted["number"]))
    assert accepted(seen) == {wanted["path"]: "ADDED"}
    left = [json.loads(line) for line in alone.call("findings", "--json").stdout.splitlines()]
    assert {one["path"]: one["number"] for one in left} == {
        path: one["number"] for path, one in numbered.items() if path != wanted["path"]}
    missing = alone.call("update", "--finding", 99)
    assert missing.returncode == 1 and "no finding 99" in missing.stderr


def numbered(agent):
    listed = map(json.loads, agent.call("findings", "--json").stdout.splitlines())
    return {one["number"]: one["path"] for one in listed}


def test_a_daemon_gives_no_number_that_a_check_beside_it_gave(alone):
    alone.set("Log", "LogSeverity", "mark")
    alone.set("Misc", "SetFilecheckTime", 3600)
    (alone.tree / "first").touch()
    alone.write_config()
    assert alone.call("-t", "check", "-D").returncode == 0
    wait_for("the daemon's check", lambda: alone.count(msg="File check completed.") == 1)
    (alone.tree / "second").touch()
    checked(alone)
    before = numbered(alone)
    (alone.tree / "second").unlink()
    (alone.tree / "third").touch()
    os.kill(alone.pid, signal.SIGTTOU)
    wait_for("its findings", lambda: str(alone.tree / "third") in numbered(alone).values())
    after = numbered(alone)
    assert max(after) > max(before) and after[max(after)] == str(alone.tree / "third")
    assert {number: after[number] for number in before.keys() & after} == {
        number: before[number] for number in before.keys() & after}


def test_a_number_does_not_come_to_mean_something_else(alone):
    (alone.tree / "first").touch()
    checked(alone)
    before = numbered(alone)
    (alone.tree / "first").unlink()
    (alone.tree / "second").touch()
    checked(alone)
    after = numbered(alone)
    assert str(alone.tree / "second") in after.values() and min(after) > max(before)


@pytest.mark.parametrize("arguments", [["-t", "check", "-i"], ["-t", "check", "--listfile=/list"],
                                       ["-t", "init", "-i"], ["update", "/a", "--listfile=/list"]])
def test_what_is_for_an_update_is_refused_elsewhere(alone, arguments):
    before = alone.baseline.read_bytes()
    done = alone.call(*arguments)
    assert done.returncode == 1 and "-t update" in done.stderr
    assert alone.baseline.read_bytes() == before


def test_a_finding_that_changed_once_more_is_not_accepted(alone):
    change_all(alone)
    checked(alone)
    numbered = {one["path"]: one["number"] for one in
                map(json.loads, alone.call("findings", "--json").stdout.splitlines())}
    (alone.tree / "changed").write_text("evil!\n")
    changed, added = str(alone.tree / "changed"), str(alone.tree / "added")
    seen = told(alone, alone.call("update", "--finding", f"{numbered[changed]},{numbered[added]}"), 1)
    assert accepted(seen) == {added: "ADDED"}
    assert "changed again" in next(one for one in seen if one.msg == "Nothing to accept").get("reason")
    assert changed in checked(alone)


def test_the_history_says_who_when_and_why(alone):
    change_all(alone)
    path = str(alone.tree / "changed")
    began = int(time.time())
    assert alone.call("update", path, "--reason", "first").returncode == 0
    (alone.tree / "changed").write_text("newest!\n")
    told(alone, alone.call("-t", "update", "--reason", "second"))
    listed = alone.call("history", path, "--json")
    assert listed.returncode == 0, listed.stderr
    entries = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [one["reason"] for one in entries] == ["first", "second"]
    assert all(one["path"] == path and one["change"] == "C-------TS" for one in entries)
    assert all(one["who"] for one in entries)
    assert all(began <= one["time"] <= time.time() for one in entries)
    everything = run(daemons.SAMHAIN, "--history", "-d", alone.baseline).stdout
    assert f"MISSING {alone.tree / 'gone'}" in everything and ": second" in everything


def test_who_called_sudo_is_remembered(alone):
    change_all(alone)
    command = alone.command("update", alone.tree / "changed")
    done = run(*command, env={**os.environ, "SUDO_USER": "somebody"}, cwd="/")
    assert done.returncode == 0, done.stderr
    assert " somebody" in alone.call("history").stdout


def test_a_running_daemon_takes_what_was_approved(alone):
    alone.set("Log", "LogSeverity", "info")
    alone.write_config()
    assert alone.call("start").returncode == 0
    try:
        wait_for("first check", lambda: alone.count(msg="File check completed.") >= 1, 20.0)
        (alone.tree / "changed").write_text("newer\n")
        seen = alone.call("update", alone.tree / "changed", alone.tree, "-l", "none")
        assert "was told to reload" in seen.stderr
        alone.wait_line(msg="Runtime configuration reloaded")
        done = alone.count(msg="File check completed.")
        wait_for("checks", lambda: alone.count(msg="File check completed.") >= done + 2, 20.0)
        # It may have found the change before it was approved, but not after.
        all_lines = alone.log_lines()
        reloaded = [one.msg for one in all_lines].index("Runtime configuration reloaded")
        assert findings(all_lines[reloaded:]) == {}
    finally:
        alone.call("stop")


# --- init, and what must be trusted -----------------------------------------------------------------------


def test_init2stdout_prints_a_baseline_and_leaves_the_old_one(alone, folder):
    change_all(alone)
    before = alone.baseline.read_bytes()
    with open(folder / "printed", "wb") as printed:
        done = subprocess.run(alone.command("-t", "init", "--init2stdout"), stdout=printed,
                              stderr=subprocess.PIPE, timeout=60, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    assert alone.baseline.read_bytes() == before
    assert sorted(p.name for p in alone.state.iterdir()) == [
        "samhain_file", "samhain_file.key", "samhain_file.status"]
    alone.baseline.write_bytes((folder / "printed").read_bytes())
    assert checked(alone) == {}


def test_an_update_is_not_written_to_stdout(alone):
    done = alone.call("-t", "update", "--init2stdout")
    assert done.returncode == 1
    assert "PANIC Writing database to stdout with update" in done.stderr


def test_init_takes_the_place_of_a_baseline_that_exists(alone):
    change_all(alone)
    again = alone.init()
    assert "Signature database exists" in again.stderr
    assert checked(alone) == {}


def others_may_write(folder):
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    return folder


def test_an_untrusted_directory_of_the_baseline_refuses_check_and_update(alone):
    alone.state.chmod(0o777)
    for action in ("check", "update"):
        done = alone.call("-t", action)
        assert done.returncode == 1
        assert "World writeable" in done.stderr and "PANIC - Untrusted path" in done.stderr


def test_an_untrusted_directory_of_the_log_switches_the_log_off(alone, folder):
    alone.set("Log", "LogSeverity", "info")
    alone.set("Misc", "SetLogfilePath", others_may_write(folder / "open") / "log")
    alone.write_config()
    done = alone.call("-t", "check")
    assert done.returncode == 0
    assert "Untrusted path" in done.stderr
    assert not (folder / "open" / "log").exists()


def test_an_untrusted_directory_of_the_pid_file_starts_no_daemon(alone, folder):
    alone.set("Misc", "SetLockfilePath", others_may_write(folder / "open") / "pid")
    alone.write_config()
    done = alone.call("start")
    assert done.returncode == 1
    assert "World writeable" in done.stderr and "Could not write PID file" in done.stderr
    assert not (folder / "open" / "pid").exists()


def test_the_pid_file_is_not_followed_to_somebody_elses(alone, folder):
    target = folder / "precious"
    target.write_text("keep\n")
    (folder / "pid").symlink_to(target)
    alone.set("Misc", "SetLockfilePath", folder / "pid")
    alone.write_config()
    assert alone.call("start").returncode == 1
    assert target.read_text() == "keep\n"
