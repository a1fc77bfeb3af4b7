"""A check that was cut off goes on where it was, when it is told to (ResumeScan)."""

import json
import signal

import pytest

from harness.waiting import wait_for

CUT_OFF = "File check was cut off by the end of the program"
GOES_ON = "File check goes on where it was"


@pytest.fixture
def halves(folder, samhain):
    """An agent whose check is done with its first tree at once, and never with the second."""
    del samhain.settings["Client"]
    samhain.set("Log", "ExportSeverity", "none")
    samhain.set("Misc", "ResumeScan", "yes")
    samhain.second = folder / "zz-tree"
    samhain.add("ReadOnly", f"dir=9{samhain.second}")
    for number in range(3):
        place = samhain.tree / f"d{number}" / "below"
        place.mkdir(parents=True)
        (place / "f").write_text("1\n")
    (samhain.tree / "gone").mkdir()
    (samhain.tree / "gone" / "f").write_text("1\n")
    samhain.second.mkdir()
    (samhain.second / "a").write_text("1\n")
    samhain.init()
    return samhain


def changed(agent):
    """How often each path was reported."""
    paths = [line.get("path") for line in agent.log_lines() if line.msg.startswith("POLICY")]
    return {path: paths.count(path) for path in paths}


def cut_in_the_second_half(agent, number):
    """A scan that told of a change in each half, and was ended when the first one was done."""
    endless = agent.second / "endless"
    with open(endless, "wb") as file:
        file.truncate(40 << 30)
    change(agent.tree / "d0" / "below" / "f")
    change(agent.second / "a")
    agent.set("Misc", "SetMeasurers", 2)
    agent.start(waits=False)
    done = agent.tree / "d0" / "below" / "f"
    wait_for("both changes", lambda: {str(done), str(agent.second / "a")} <= changed(agent).keys(),
             told=agent.told)
    resume = agent.state / "samhain_file.resume"
    wait_for("the memory of it", lambda: resume.exists() and str(agent.tree).encode()
             in resume.read_bytes(), told=agent.told)
    agent.signal(number)
    agent.wait_end()
    endless.unlink()


def change(path):
    path.write_text(path.read_text() + "more\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_passes_over_what_was_done_and_tells_nothing_twice(halves, number):
    agent = halves
    cut_in_the_second_half(agent, number)
    before = changed(agent)
    late, new = agent.tree / "d1" / "below" / "f", agent.second / "new"
    change(late)  # where the check was: the one after it will see this
    new.write_text("x\n")
    agent.start()
    found = {one["path"] for one in
             map(json.loads, agent.call("findings", "--json").stdout.splitlines())}
    assert {*before, str(new)} - found <= {str(agent.second / "endless")}, "found before and after"
    assert agent.count(msg=CUT_OFF) == 1
    goes_on = agent.wait_line(msg=GOES_ON)
    assert goes_on.get("directories") == "1" and int(goes_on.get("files")) == 11
    messages = [line.get("path") or line.msg for line in agent.log_lines()]
    messages = messages[messages.index(GOES_ON):]
    first_end = messages.index("File check completed.")
    assert str(new) in messages[:first_end], "the second half is checked"
    assert str(late) not in messages[:first_end], "the first half is passed over"
    agent.wait_checks(3)
    now = changed(agent)
    assert now[str(late)] == 1, "the next check is a whole one"
    assert {path: now[path] for path in before if path != str(agent.second)} == {
        path: 1 for path in before if path != str(agent.second)}, "nothing is told twice"
    assert not (agent.state / "samhain_file.resume").exists()
    agent.stop()


def test_what_is_missing_is_not_lost_between_two_halves(halves):
    """A directory that is gone is told of by the last phase of a check, which never came."""
    agent = halves
    (agent.tree / "gone" / "f").unlink()
    (agent.tree / "gone").rmdir()
    endless = agent.second / "endless"
    with open(endless, "wb") as file:
        file.truncate(40 << 30)
    agent.start(waits=False)
    resume = agent.state / "samhain_file.resume"
    wait_for("the memory of it", lambda: resume.exists() and b"/d1" in resume.read_bytes(),
             told=agent.told)
    agent.signal(signal.SIGTERM)
    agent.wait_end()
    endless.unlink()
    assert str(agent.tree / "gone" / "f") not in changed(agent)
    agent.start()
    assert agent.wait_line(msg=GOES_ON)
    wait_for("its content", lambda: changed(agent).get(str(agent.tree / "gone" / "f")) == 1,
             told=agent.told)
    agent.stop()


@pytest.mark.parametrize("how", ["configuration", "baseline", "damage", "option"])
def test_with_anything_else_it_begins_anew(halves, how):
    agent = halves
    cut_in_the_second_half(agent, signal.SIGTERM)
    resume = agent.state / "samhain_file.resume"
    if how == "configuration":
        agent.add("ReadOnly", f"file={agent.config}")
    elif how == "baseline":
        agent.init()
        change(agent.tree / "d0" / "below" / "f")
    elif how == "damage":
        text = bytearray(resume.read_bytes())
        text[len(text) // 2] ^= 1
        resume.write_bytes(text)
    else:
        agent.set("Misc", "ResumeScan", "no")
    agent.start()
    assert agent.count(msg=GOES_ON) == 0
    assert changed(agent)[str(agent.tree / "d0" / "below" / "f")] == 2
    agent.stop()
