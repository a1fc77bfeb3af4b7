"""E14 of the troubleshooting guide: changes to a baseline that a running client fetches when its
administrator says so (yulectl -c DELTA:UUID HOST)."""

import re
import signal

import pytest

from harness.waiting import wait_for
from harness.world import CLIENT1

UUID = "01234567-89ab-cdef-0123-456789abcdef"
OTHER_UUID = "01234567-89ab-cdef-0123-456789abcdf0"


@pytest.fixture
def store(folder, yule):
    """The data directory of a server that runs."""
    data = folder / "data"
    data.mkdir()
    yule.set("Misc", "SetDataDirectory", data)
    yule.start()
    return data


@pytest.fixture
def agent(samhain, store):
    """An agent that runs, its baseline from the server."""
    for name in ("changes", "goes", "stays"):
        (samhain.tree / name).write_text("old\n")
    samhain.init()
    place(store / f"file.{CLIENT1}", samhain.baseline.read_bytes())
    samhain.baseline.unlink()
    samhain.set("Misc", "SetDatabasePath", "REQ_FROM_SERVER")
    samhain.set("Client", "SetDeltaRetryInterval", 1)
    samhain.start()
    return samhain


def place(path, content):
    path.write_bytes(content)
    path.chmod(0o644)


def make_delta(agent, store, paths, uuid=UUID):
    """What --create-database makes of these paths, where the server looks for it."""
    listed, made = agent.folder / "list", agent.folder / "delta"
    listed.write_text("".join(f"{path}\n" for path in paths))
    done = agent.call(f"--create-database={listed}", "-o", str(made), "-l", "none")
    assert done.returncode == 0, done.stderr
    place(store / f"file.{CLIENT1}.{uuid}", made.read_bytes())


def change(agent):
    (agent.tree / "changes").write_text("new and longer\n")
    (agent.tree / "goes").unlink()
    (agent.tree / "comes").write_text("new\n")
    return [agent.tree, agent.tree / "changes", agent.tree / "goes", agent.tree / "comes"]


def give(yule, uuid=UUID):
    assert yule.ctl("-c", f"DELTA:{uuid}", CLIENT1).returncode == 0


def findings(agent):
    return [(line.get("msg"), line.get("path")) for line in agent.log_lines()
            if line.get("msg").startswith("POLICY")]


def test_e14_a_delta_counts_in_the_place_of_what_the_baseline_says(yule, store, agent):
    paths = change(agent)
    for message, name in (("POLICY ADDED", "comes"), ("POLICY MISSING", "goes")):
        agent.wait_line(msg=message, path=str(agent.tree / name))
    make_delta(agent, store, paths)
    give(yule)
    line = agent.wait_line(msg="Delta database downloaded", path=UUID)
    assert line.severity == "CRIT"
    yule.wait_line(msg="File transfer completed", path=str(store / f"file.{CLIENT1}.{UUID}"))
    yule.wait_line(inner=True, msg="Command executed", command=f"DELTA:{UUID}")
    told = len(findings(agent))
    agent.wait_checks(agent.count(msg="File check completed.") + 2)
    assert findings(agent)[told:] == [], "all of it is as it should be now"
    # And what is not, is told, against what the delta says.
    (agent.tree / "comes").unlink()
    (agent.tree / "goes").write_text("again\n")
    agent.wait_line(msg="POLICY MISSING", path=str(agent.tree / "comes"))
    agent.wait_line(msg="POLICY ADDED", path=str(agent.tree / "goes"))
    agent.stop()


def test_e14_a_delta_that_is_not_there_is_told_and_asked_for_again(yule, store, agent):
    give(yule)
    agent.wait_line(msg="Delta database download failed", path=UUID, severity="CRIT")
    assert agent.wait_line(msg="File download failed").severity == "INFO"
    missing = str(store / f"file.{CLIENT1}.{UUID}")
    assert yule.wait_line(msg="File not accessible", path=missing).severity == "ERROR"
    yule.wait_line(msg="Requested file not found", path=missing, severity="CRIT")
    line = agent.wait_line(msg="Retrying download of delta DB", path=UUID)
    assert (line.severity, line.get("subroutine")) == ("NOTICE", "delta")
    make_delta(agent, store, [agent.tree / "stays"])
    agent.wait_line(msg="Delta database downloaded", path=UUID)

    give(yule, OTHER_UUID)
    wait_for("three attempts", lambda: agent.count(
        msg="Delta database download failed", path=OTHER_UUID) == 3, told=agent.told)
    agent.wait_checks(agent.count(msg="File check completed.") + 2)
    assert agent.count(msg="Retrying download of delta DB", path=OTHER_UUID) == 2
    agent.stop()


def test_what_is_no_delta_changes_nothing(yule, store, agent):
    place(store / f"file.{CLIENT1}.{UUID}", b"no delta\n" * 100)
    give(yule)
    agent.wait_line(msg="Delta database download failed", path=UUID)
    agent.wait_line(msg="PANIC - Baseline refused", path=UUID)
    (agent.tree / "goes").unlink()
    agent.wait_line(msg="POLICY MISSING", path=str(agent.tree / "goes"))
    agent.stop()


def test_a_new_baseline_takes_the_place_of_the_old_one_and_its_deltas(yule, store, agent):
    paths = change(agent)
    make_delta(agent, store, paths)
    give(yule)
    agent.wait_line(msg="Delta database downloaded")
    agent.signal(signal.SIGHUP)  # the server's is the same: nothing is lost
    agent.wait_line(msg="Runtime configuration reloaded")
    told = len(findings(agent))
    agent.wait_checks(agent.count(msg="File check completed.") + 2)
    assert findings(agent)[told:] == []
    agent.stop()
    agent.start()  # until somebody puts it into file.HOST
    agent.wait_line(msg="POLICY ADDED", path=str(agent.tree / "comes"))
    agent.stop()


def test_a_merged_delta_waits_for_approval_and_is_the_clients_whole_baseline_then(
        yule, store, agent):
    pending = store / "pending"
    pending.mkdir(mode=0o700)
    paths = change(agent)
    make_delta(agent, store, paths)
    before = (store / f"file.{CLIENT1}").read_bytes()
    done = yule.ctl("baseline", "merge", CLIENT1, UUID)
    assert done.returncode == 0, done.stderr
    told = yule.ctl("baseline", "diff", CLIENT1).stdout
    for line in (f"added    {agent.tree}/comes", f"removed  {agent.tree}/goes",
                 f"changed  {agent.tree}/changes"):
        assert f"{line}\n" in told
    assert f"{agent.tree}/stays" not in told
    assert (store / f"file.{CLIENT1}").read_bytes() == before
    assert yule.ctl("baseline", "approve", CLIENT1).returncode == 0
    wait_for("the merged one", lambda: agent.count(msg="File download completed") == 2,
             told=agent.told)
    agent.wait_checks(agent.count(msg="File check completed.") + 1)
    agent.stop()
    told = len(findings(agent))
    agent.start()
    assert findings(agent)[told:] == [], "at the next start, too"
    agent.stop()


@pytest.mark.parametrize("arguments", [(), ("nonsense",), (OTHER_UUID,), (UUID, "more")])
def test_what_cannot_be_merged_leaves_nothing_behind(yule, store, samhain, arguments):
    (store / "pending").mkdir(mode=0o700)
    samhain.init()
    place(store / f"file.{CLIENT1}", samhain.baseline.read_bytes())
    place(store / f"file.{CLIENT1}.{UUID}", b"no delta\n" * 100)
    assert yule.ctl("baseline", "merge", CLIENT1, *arguments).returncode == 1
    assert yule.ctl("baseline", "merge", CLIENT1, UUID).returncode == 1
    assert list((store / "pending").iterdir()) == []


@pytest.mark.parametrize("uuid", ["../../etc/passwd", "0", UUID + "0", UUID.replace("-", "/")])
def test_no_path_can_be_made_of_a_uuid(yule, store, uuid):
    done = yule.ctl("-c", f"DELTA:{uuid}", CLIENT1)
    assert done.returncode == 1 and "uuid" in done.stderr.lower()


def test_a_delta_lists_what_is_not_expected_any_more(samhain):
    samhain.write_config()
    listed = samhain.folder / "list"
    listed.write_text(f"# one that is there, one that is not\n{samhain.tree}\n/no/such/file\n")
    done = samhain.call(f"--create-database={listed}", "-o", str(samhain.folder / "delta"),
                        "-l", "none")
    assert done.returncode == 0, done.stderr
    assert "CRIT" not in done.stderr
    shown = samhain.call("-d", str(samhain.folder / "delta")).stdout
    assert re.search(rf"^drwx.* {samhain.tree}$", shown, re.M), shown
    assert re.search(r"65535 .* /no/such/file$", shown, re.M), shown
    listed.write_text("relative\n")
    done = samhain.call(f"--create-database={listed}", "-o", str(samhain.folder / "delta"))
    assert done.returncode == 1 and "line 1: Not an absolute path" in done.stderr
