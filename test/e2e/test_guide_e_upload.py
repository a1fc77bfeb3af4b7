"""Stage E of the troubleshooting guide: a baseline that the client sends, and that an administrator
approves (SetUploadBaseline)."""

import fcntl
import hashlib
import os
import re

import pytest

from harness import tls
from harness.daemons import PASSWORD
from harness.protocol3 import CHUNK, NOFILE, Peer
from harness.waiting import wait_for
from harness.world import CLIENT1

SENT = "Baseline sent, waits for approval"
NOT_SENT = "Baseline upload failed"


@pytest.fixture
def pending(folder, yule):
    """The pending directory of a server that accepts uploads."""
    data = folder / "data"
    data.mkdir()
    waiting = data / "pending"
    waiting.mkdir(mode=0o700)
    os.chown(waiting, *yule.identity_ids())
    yule.set("Misc", "SetDataDirectory", data)
    yule.set("Misc", "AcceptBaselineUpload", "yes")
    return waiting


@pytest.fixture
def agent(samhain):
    """Init writes here and sends; a check takes what was approved."""
    samhain.set("Misc", "SetDatabasePath", f"REQ_FROM_SERVER{samhain.baseline}")
    samhain.set("Client", "SetUploadBaseline", "yes")
    (samhain.tree / "file").write_text("content\n")
    return samhain


def init(agent, *arguments):
    agent.write_config()
    done = agent.call("-t", "init", "-e", "none", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stderr


def line_of(text, message):
    found = [line for line in text.splitlines() if re.search(f'msg=["<]{message}[">]', line)]
    assert len(found) == 1, text
    return found[0]


def test_a_baseline_that_init_made_is_sent_approved_and_used_by_the_running_client(
        yule, pending, agent):
    yule.start()
    told = line_of(init(agent), SENT)
    assert f"yulectl baseline approve {CLIENT1}" in told
    assert hashlib.sha256(agent.baseline.read_bytes()).hexdigest() in told
    assert (pending / f"file.{CLIENT1}").read_bytes() == agent.baseline.read_bytes()
    # Nothing of it is used before somebody approves.
    assert not (pending.parent / f"file.{CLIENT1}").exists()
    assert yule.ctl("baseline", "approve", CLIENT1).returncode == 0
    agent.start()
    (agent.tree / "new").write_text("x\n")
    agent.wait_line(msg="POLICY ADDED")

    assert SENT in init(agent)  # beside the one that runs
    assert f"added    {agent.tree}/new\n" in yule.ctl("baseline", "diff", CLIENT1).stdout
    assert yule.ctl("baseline", "approve", CLIENT1).returncode == 0
    wait_for("the new baseline", lambda: agent.count(msg="File download completed") == 2,
             told=agent.told)
    (agent.tree / "new").unlink()
    agent.wait_line(msg="POLICY MISSING", path=str(agent.tree / "new"))
    agent.stop()


def test_an_update_sends_what_it_accepted_and_nothing_else(yule, pending, agent):
    yule.start()
    init(agent)
    (agent.tree / "new").write_text("x\n")
    for path, status, count in ((agent.tree / "unknown", 1, 0), (agent.tree / "new", 0, 1),
                                (agent.tree / "new", 0, 0)):
        done = agent.call("update", path)
        assert done.returncode == status, done.stderr
        assert (done.stderr.count(SENT), done.stderr.count(NOT_SENT)) == (count, 0), done.stderr
    assert (pending / f"file.{CLIENT1}").read_bytes() == agent.baseline.read_bytes()


def test_a_reload_removes_what_is_left_over_and_nothing_that_somebody_works_on(yule, pending):
    yule.start()
    left, held = pending / ".upload-left", pending / ".upload-held"
    with open(held, "w") as file:
        left.touch()
        fcntl.flock(file, fcntl.LOCK_EX)
        yule.reload()
        wait_for("what is left over goes", lambda: not left.exists())
        assert yule.ctl("STATUS").returncode == 0  # the reload is over
        assert held.exists()


def test_a_large_baseline_arrives_whole(yule, pending, agent):
    # More chunks than are ever under way.
    for number in range(5_000):
        (agent.tree / f"a-name-that-makes-the-baseline-larger-{number:0200}").touch()
    yule.start()
    assert SENT in init(agent)
    sent = agent.baseline.read_bytes()
    assert len(sent) > 20 * 65_536
    assert (pending / f"file.{CLIENT1}").read_bytes() == sent


def test_a_server_that_does_not_want_it_is_told_of_and_init_is_as_good(yule, pending, agent):
    yule.set("Misc", "AcceptBaselineUpload", "no")
    yule.start()
    told = line_of(init(agent), NOT_SENT)
    assert told.startswith("ERROR") and "AcceptBaselineUpload" in told
    assert agent.baseline.exists()
    yule.wait_line(msg="Baseline upload refused", client=CLIENT1)
    assert os.listdir(pending) == []


def test_without_a_server_init_says_that_nothing_was_sent(agent, pending):
    told = line_of(init(agent), NOT_SENT)
    assert "cannot be reached" in told and "by hand" in told
    assert agent.baseline.exists()


def test_a_host_that_is_not_registered_sends_nothing(yule, pending, agent):
    agent.set_password("0" * 32)
    yule.start()
    assert NOT_SENT in init(agent)
    assert os.listdir(pending) == []


@pytest.mark.usefixtures("pending")
def test_nothing_is_sent_unless_it_is_asked_for(yule, agent):
    agent.set("Client", "SetUploadBaseline", "no")
    yule.start()
    told = init(agent)
    assert SENT not in told and NOT_SENT not in told


def test_a_client_that_uploads_10_gb_is_cut_off(yule, pending):
    yule.start()
    before = os.statvfs(pending).f_bavail * os.statvfs(pending).f_frsize
    # One that says so, and goes on sending.
    with Peer(CLIENT1, yule.port, PASSWORD, source="127.0.0.2") as peer:
        peer.authenticate().begin_put(10 << 30, bytes(32))
        assert peer.receive_verdict(bytes(32)) == NOFILE
        sent = send_until_cut_off(peer, 10 << 30)
    assert sent < 64 << 20
    yule.wait_line(msg="Baseline upload refused", reason=re.compile("SetUploadLimit"))
    # One that lies.
    with Peer(CLIENT1, yule.port, PASSWORD, source="127.0.0.2") as peer:
        peer.authenticate().begin_put(1 << 20, bytes(32))
        sent = send_until_cut_off(peer, 10 << 30)
    assert sent < 64 << 20
    yule.wait_line(msg=re.compile("CHUNK: more than was announced"), client=CLIENT1)
    wait_for("nothing is kept", lambda: os.listdir(pending) == [])
    after = os.statvfs(pending).f_bavail * os.statvfs(pending).f_frsize
    assert before - after < 64 << 20


def send_until_cut_off(peer, size):
    sent = 0
    try:
        while sent < size:
            peer.send(CHUNK, b"z" * 65_536)
            sent += 65_536
    except (tls.Closed, OSError):
        pass
    return sent
