"""Stage E of the troubleshooting guide: files that the server keeps for its clients."""

import hashlib
import json
import os
import re
import stat
import struct
import threading
import time

import pytest

from harness import processes, protocol3, tls
from harness.daemons import PASSWORD
from harness.protocol3 import (BASELINE, CHUNK, CONFIGURATION, DELTA, END, NOFILE, STORED, UNCHANGED,
                               Peer)
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2, NAMELESS

UUID = b"01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def store(folder, yule):
    """The data directory of a server that runs."""
    data = folder / "lib" / "data"
    data.mkdir(parents=True)
    yule.set("Misc", "SetDataDirectory", data)
    yule.start()
    return data


def client(yule, name=CLIENT1, **more):
    source = ADDRESS_OF.get(name)
    return Peer(name, yule.port, PASSWORD, source=source, **more)


def put_file(path, content, mode=0o644):
    path.write_bytes(content)
    path.chmod(mode)
    return content


def fetch(yule, kind=CONFIGURATION, name=CLIENT1, **more):
    with client(yule, name) as peer:
        return peer.authenticate().get(kind, **more)


def lines_about(yule, path):
    return [(line.severity, line.msg) for line in yule.log_lines() if line.get("path") == str(path)]


def wait_not_found(yule, path):
    return yule.wait_line(msg="Requested file not found", severity="CRIT", client=CLIENT1,
                          path=str(path))


# --- E1 to E4: which file ---

def test_e1_a_clients_own_files_come_before_those_of_all(yule, store):
    own_rc = put_file(store / f"rc.{CLIENT1}", b"own configuration\n")
    own_file = put_file(store / f"file.{CLIENT1}", b"own baseline\0\xff" * 20_000)
    put_file(store / "rc", b"of all\n")
    put_file(store / "file", b"of all\n")
    with client(yule) as peer:
        peer.authenticate()
        assert peer.get(CONFIGURATION) == own_rc
        assert peer.get(BASELINE) == own_file
    yule.wait_line(msg="File transfer completed", severity="INFO", client=CLIENT1,
                   path=f"{store}/rc.{CLIENT1}")
    yule.wait_line(msg="File transfer completed", severity="INFO", client=CLIENT1,
                   path=f"{store}/file.{CLIENT1}")
    assert yule.count(msg="File not accessible") == 0
    wait_for("its state", lambda: "File_transfer" in yule.ctl("CLIENTS").stdout)


@pytest.mark.parametrize("content", [b"", b"x", b"y" * 65536, b"z" * 65537])
def test_e2_the_bytes_are_those_of_the_file_to_the_last(yule, store, content):
    put_file(store / "rc", content)
    assert fetch(yule) == content  # the harness compares digest and size


@pytest.mark.parametrize("kind, word", [(CONFIGURATION, "rc"), (BASELINE, "file")])
def test_e3_e4_the_file_of_all_serves_where_a_client_has_none(yule, store, kind, word):
    content = put_file(store / word, b"of all\n")
    assert fetch(yule, kind) == content
    yule.wait_line(msg="File transfer completed", path=f"{store}/{word}")
    assert lines_about(yule, store / f"{word}.{CLIENT1}") == [("INFO", "File not accessible")]


def test_what_a_client_has_already_is_not_sent_again(yule, store):
    content = put_file(store / "rc", b"current\n")
    held = hashlib.sha256(content).digest()
    assert fetch(yule, held=held) == UNCHANGED
    yule.wait_line(msg="File not sent, the client has it", client=CLIENT1)
    put_file(store / "rc", b"newer\n")
    assert fetch(yule, held=held) == b"newer\n"


# --- E5 to E9: none, or none that can be read ---

@pytest.mark.parametrize("kind, word", [(CONFIGURATION, "rc"), (BASELINE, "file")])
def test_e5_e6_e9_without_any_file_both_are_named(yule, store, kind, word):
    assert fetch(yule, kind) == NOFILE
    wait_not_found(yule, store / f"{word}.{CLIENT1}")
    assert lines_about(yule, store / f"{word}.{CLIENT1}")[0] == ("WARN", "File not accessible")
    assert lines_about(yule, store / word) == [("ERROR", "File not accessible")]
    assert "FAILED" in yule.ctl("CLIENTS").stdout
    # E9: the cause removed, no reload.
    content = put_file(store / word, b"here it is\n")
    assert fetch(yule, kind) == content


def test_e7_an_unreadable_file_is_named_and_nothing_takes_its_place(yule, store):
    own = store / f"rc.{CLIENT1}"
    content = put_file(own, b"secret\n", 0o600)
    put_file(store / "rc", b"of all\n")
    assert fetch(yule) == NOFILE
    wait_not_found(yule, own)
    line = yule.wait_line(msg="File not accessible", severity="ERROR", path=str(own))
    assert line.get("userid") == str(yule.identity_ids()[0])
    assert line.get("reason") == "Permission denied"
    own.chmod(0o644)
    assert fetch(yule) == content


def test_e8_a_directory_that_may_not_be_searched_is_named(yule, store):
    put_file(store / "rc", b"of all\n")
    for closed in (store, store.parent):
        closed.chmod(0o700)
        assert fetch(yule) == NOFILE
        line = yule.wait_line(msg="File not accessible", path=str(store / "rc"), obj=str(closed))
        assert line.severity == "ERROR"
        assert line.get("reason") == "Permission denied"
        closed.chmod(0o755)
    wait_not_found(yule, store / f"rc.{CLIENT1}")
    assert fetch(yule) == b"of all\n"


@pytest.mark.parametrize("make, reason", [
    (lambda path: path.mkdir(), "Is a directory"),
    (lambda path: os.mkfifo(path, 0o644), "Is a fifo"),
    (lambda path: put_file(path, b"anybody's\n", 0o666), "World writeable"),
    (lambda path: path.symlink_to("/nonexistent"), "Symbolic link, stat() failed"),
])
def test_what_is_no_file_of_the_administrator_is_refused(yule, store, make, reason):
    own = store / f"rc.{CLIENT1}"
    make(own)
    put_file(store / "rc", b"of all\n")
    assert fetch(yule) == NOFILE
    line = yule.wait_line(msg="File not accessible", severity="ERROR", path=str(own))
    assert line.get("reason") == reason
    wait_not_found(yule, own)


def test_a_file_of_an_untrusted_user_is_refused_until_the_user_is_trusted(yule, store):
    put_file(store / "rc", b"mine\n")
    os.chown(store / "rc", 4711, 0)
    assert fetch(yule) == NOFILE
    yule.wait_line(msg="File not accessible", reason="Owner not trustworthy")
    yule.add("Misc", "TrustedUser=4711")
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    assert fetch(yule) == b"mine\n"


def test_e15_a_symlink_out_counts_only_where_its_target_is_trusted(yule, store, folder):
    own = store / f"rc.{CLIENT1}"
    outside = folder / "outside"
    outside.mkdir()
    content = put_file(outside / "rc", b"trusted\n")
    own.symlink_to(outside / "rc")
    assert fetch(yule) == content
    outside.chmod(0o777)
    assert fetch(yule) == NOFILE
    line = yule.wait_line(msg="File not accessible", path=str(own), obj=str(outside))
    assert line.get("reason") == "Symbolic link, World writeable"


def test_a_file_larger_than_two_gigabytes_is_not_sent(yule, store):
    put_file(store / "file", b"")
    os.truncate(store / "file", (2 << 30) + 1)
    assert fetch(yule, BASELINE) == NOFILE
    yule.wait_line(msg="File too large", severity="ERROR", path=f"{store}/file")


# --- whose file ---

def test_d19_files_go_by_the_name_the_server_inferred(folder, yule, store):
    yule.register(NAMELESS)
    yule.set("Misc", "SetClientFromAccept", "yes")
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    put_file(store / f"rc.{CLIENT1}", b"of another\n")
    put_file(store / f"rc.{NAMELESS}", b"of the nameless\n")
    with Peer(CLIENT1, yule.port, PASSWORD, source=NAMELESS) as peer:
        assert peer.authenticate().get(CONFIGURATION) == b"of the nameless\n"
    yule.wait_line(msg="File transfer completed", client=NAMELESS)


@pytest.mark.parametrize("claim", [b"../../etc/passwd", b"x/../rc", b"a\0b", b"..", b""])
def test_d23_a_hostile_name_gets_no_further_than_its_refusal(yule, store, claim):
    put_file(store / "rc", b"of all\n")
    with Peer(claim.decode("latin-1"), yule.port, PASSWORD) as peer:
        with pytest.raises((tls.Closed, AssertionError)):
            peer.authenticate()
        with pytest.raises((tls.Closed, AssertionError, OSError, AttributeError)):
            peer.get(CONFIGURATION)
    assert yule.count(msg="File transfer completed") == 0


def test_a_stranger_may_not_ask_for_files(yule, store):
    put_file(store / "rc", b"of all\n")
    with client(yule) as peer:
        peer.ask(CONFIGURATION)
        with pytest.raises(tls.Closed):
            peer.receive()
    yule.wait_line(msg=re.compile("Invalid connection attempt: Frame of type 11 out of turn"))


# --- E13, E14 and other requests ---

def test_e13_an_unknown_kind_is_told_and_ends_the_connection(yule, store):
    with client(yule) as peer:
        peer.authenticate().ask(9)
        with pytest.raises(tls.Closed):
            peer.receive()
    yule.wait_line(msg="Unknown file request", severity="CRIT", client=CLIENT1, path="9")


@pytest.mark.parametrize("delta", [b"../../../../../../../../etc/passwd-xx", b"0" * 35, b"0" * 37])
def test_a_delta_has_a_uuid_for_a_name_and_nothing_else(yule, store, delta):
    with client(yule) as peer:
        peer.authenticate().ask(DELTA, delta=delta)
        with pytest.raises(tls.Closed):
            peer.receive()
    yule.wait_line(msg=re.compile("Invalid connection attempt: GET: "), client=CLIENT1)


def test_e14_a_delta_is_found_by_host_and_uuid(yule, store):
    assert fetch(yule, DELTA, delta=UUID) == NOFILE
    path = store / f"file.{CLIENT1}.{UUID.decode()}"
    wait_not_found(yule, path)
    assert lines_about(yule, path)[0] == ("ERROR", "File not accessible")
    content = put_file(path, b"delta\n")
    assert fetch(yule, DELTA, delta=UUID) == content


def test_a_second_request_beside_the_first_ends_the_connection(yule, store):
    put_file(store / "rc", b"of all\n" * 1_000_000)
    with client(yule) as peer:
        peer.authenticate().ask(CONFIGURATION)
        peer.ask(CONFIGURATION)
        with pytest.raises(tls.Closed):
            peer.receive_file(CONFIGURATION)
    yule.wait_line(msg=re.compile("GET while another transfer is under way"), client=CLIENT1)


def test_a_request_of_a_displaced_session_is_answered_invalid(yule, store):
    put_file(store / "rc", b"of all\n")
    with client(yule) as first, client(yule) as second:
        first.authenticate()
        second.authenticate()
        first.ask(CONFIGURATION)
        assert first.receive()[0] == protocol3.INVALID
        assert second.get(CONFIGURATION) == b"of all\n"
    yule.wait_line(msg="Invalid connection attempt: Signature mismatch", client=CLIENT1)


# --- E12, E16, large files ---

def big_file(path, mebibytes, seed=b"a"):
    block = hashlib.shake_256(seed).digest(1 << 20)
    with open(path, "wb") as file:
        for i in range(mebibytes):
            file.write(struct.pack(">I", i) + block[4:])
    path.chmod(0o644)


def test_e12_a_file_replaced_while_it_is_sent_comes_as_it_was(yule, store):
    big_file(store / "file", 16, b"old")
    big_file(store / "next", 16, b"new")
    old = (store / "file").read_bytes()
    with client(yule) as peer:
        peer.authenticate().ask(BASELINE)
        seen = []

        def take(chunk):
            if not seen:
                os.rename(store / "next", store / "file")
            seen.append(chunk)
        peer.receive_file(BASELINE, take=take)
        assert b"".join(seen) == old
        assert peer.get(BASELINE) == (store / "file").read_bytes()


def test_e12_a_file_changed_in_place_is_noticed_by_its_digest(yule, store):
    big_file(store / "file", 16)
    with client(yule) as peer:
        peer.authenticate().ask(BASELINE)
        seen = []

        def take(chunk):
            if not seen:
                with open(store / "file", "r+b") as file:
                    file.seek(-1, os.SEEK_END)
                    file.write(b"!")
            seen.append(len(chunk))
        with pytest.raises(protocol3.WrongDigest):
            peer.receive_file(BASELINE, take=take)


def test_a_file_that_becomes_shorter_ends_the_transfer(yule, store):
    big_file(store / "file", 16)
    with client(yule) as peer:
        peer.authenticate().ask(BASELINE)
        with pytest.raises(tls.Closed):
            peer.receive_file(BASELINE, take=lambda chunk: os.truncate(store / "file", 5))
    yule.wait_line(msg="File not accessible", reason="It became shorter while it was sent")


def test_a_transfer_broken_off_leaves_nothing_behind_and_works_again(yule, store):
    big_file(store / "file", 8)
    for _ in range(3):
        with client(yule) as peer:
            peer.authenticate().ask(BASELINE)
            assert peer.receive()[0] == protocol3.FILE
    wait_for("no open files", lambda: open_files(yule, store) == [])
    assert fetch(yule, BASELINE) == (store / "file").read_bytes()
    assert yule.count(msg="File transfer completed") == 1


def open_files(yule, store):
    found = []
    for pid in [yule.pid, *(p.pid for p in yule.roles("front"))]:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            if target.startswith(str(store)):
                found.append(target)
    return found


def test_a_client_that_does_not_take_what_it_asked_for_is_let_go(yule, store):
    yule.set("Misc", "SetFrameTimeout", 1)
    yule.stop()
    yule.start()
    big_file(store / "file", 16)
    with client(yule) as peer:
        peer.authenticate().ask(BASELINE)
        yule.wait_line(msg="Connection timeout", client=CLIENT1)
    assert open_files(yule, store) == []


def test_e16_two_clients_at_once_get_their_own(yule, store):
    yule.register(CLIENT2)
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    for name in (CLIENT1, CLIENT2):
        big_file(store / f"file.{name}", 8, name.encode())
    with client(yule, CLIENT1) as one, client(yule, CLIENT2) as two:
        one.authenticate().ask(BASELINE)
        two.authenticate().ask(BASELINE)
        assert two.receive_file(BASELINE) == (store / f"file.{CLIENT2}").read_bytes()
        assert one.receive_file(BASELINE) == (store / f"file.{CLIENT1}").read_bytes()


def test_reports_and_acknowledgements_go_on_among_the_chunks(yule, store):
    big_file(store / "file", 16)
    with client(yule) as peer:
        peer.authenticate().ask(BASELINE)
        sent = []

        def take(chunk):
            if len(sent) < 50:
                sent.append(len(chunk))
                peer.tls.send(peer.report_frame(len(sent), protocol3.body(b"while it comes")))
        peer.receive_file(BASELINE, take=take)
        assert 0 < peer.acked <= 50
        while peer.acked < 50:
            peer.acked = peer.acknowledged()


def test_a_large_file_costs_no_memory_and_holds_up_nobody(yule, store):
    yule.register(CLIENT2)
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    big_file(store / "file", 100)
    watched = [yule.pid, *(p.pid for p in yule.roles("front"))]
    before = {pid: processes.memory_kib(pid) for pid in watched}
    highest, done, late = dict(before), threading.Event(), []

    def look():
        with client(yule, CLIENT2) as other:
            other.authenticate()
            number = 0
            while not done.is_set():
                number += 1
                began = time.monotonic()
                other.report(number, protocol3.body(b"beside it"))
                late.append(time.monotonic() - began)
                for pid in watched:
                    highest[pid] = max(highest[pid], processes.memory_kib(pid))
                done.wait(0.01)
    looker = threading.Thread(target=look)
    with client(yule) as peer:
        peer.authenticate()
        looker.start()
        size = [0]
        peer.get(BASELINE, take=lambda chunk: size.__setitem__(0, size[0] + len(chunk)))
        done.set()
        looker.join(30)
    assert size[0] == 100 << 20
    assert late and max(late) < 1.0, max(late)
    for pid in watched:
        assert highest[pid] - before[pid] < 3_000, (pid == yule.pid, before[pid], highest[pid])


# --- uploads ---

@pytest.fixture
def pending(folder, yule):
    """The pending directory of a server that accepts uploads and runs."""
    data = folder / "data"
    data.mkdir()
    waiting = data / "pending"
    waiting.mkdir(mode=0o700)
    os.chown(waiting, *yule.identity_ids())
    yule.set("Misc", "SetDataDirectory", data)
    yule.set("Misc", "AcceptBaselineUpload", "yes")
    yule.set("Misc", "SetUploadLimit", 2)
    yule.start()
    return waiting


def test_an_upload_waits_in_the_pending_directory(yule, pending):
    with client(yule) as peer:
        peer.authenticate()
        assert peer.put(b"first") == STORED
        content = b"second\0\xff" * 100_000
        assert peer.put(content) == STORED
        # The approved one is still none.
        assert peer.get(BASELINE) == NOFILE
    path = pending / f"file.{CLIENT1}"
    assert path.read_bytes() == content
    assert os.listdir(pending) == [path.name]
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (yule.identity_ids()[0], 0o640)
    line = yule.wait_line(msg="Baseline uploaded, waits for approval", severity="NOTICE",
                          client=CLIENT1)
    assert line.get("path") == str(path)


def test_uploads_are_refused_where_nobody_allowed_them(yule, store):
    with client(yule) as peer:
        peer.authenticate()
        assert peer.put(b"x" * 300_000) == NOFILE
        assert peer.put(b"y") == NOFILE  # the connection goes on
        assert peer.report(1, protocol3.body(b"still here")) == 1
    yule.wait_line(msg="Baseline upload refused", client=CLIENT1, severity="WARN")
    assert os.listdir(store) == []


def test_an_upload_that_is_not_what_it_says_is_thrown_away(yule, pending):
    with client(yule) as peer:
        peer.authenticate()
        assert peer.put(b"right", digest=bytes(range(32))) == NOFILE
        assert peer.put(b"right") == STORED
        peer.begin_put(5, protocol3.sha256(b"other"))
        peer.send(CHUNK, b"other")
        peer.send(END, bytes(32))  # no MAC of ours
        with pytest.raises(tls.Closed):
            peer.receive()
    yule.wait_line(msg="Invalid connection attempt: Msg signature mismatch", client=CLIENT1)
    wait_for("only the whole one", lambda: os.listdir(pending) == [f"file.{CLIENT1}"])
    assert (pending / f"file.{CLIENT1}").read_bytes() == b"right"


def test_an_upload_is_cut_off_at_its_announced_size_and_at_the_limit(yule, pending):
    with client(yule) as peer:
        peer.authenticate().begin_put(10, bytes(32))
        peer.send(CHUNK, b"eleven byte")
        with pytest.raises(tls.Closed):
            peer.receive()
    yule.wait_line(msg=re.compile("CHUNK: more than was announced"), client=CLIENT1)
    with client(yule) as peer:
        peer.authenticate().begin_put(10 << 30, bytes(32))
        assert peer.receive_verdict(bytes(32)) == NOFILE
        with pytest.raises((tls.Closed, OSError)):
            for _ in range(1_000):
                peer.send(CHUNK, b"z" * 65_536)
            peer.receive()
    yule.wait_line(msg="Baseline upload refused", reason=re.compile("SetUploadLimit"))
    wait_for("nothing is kept", lambda: os.listdir(pending) == [])


def test_one_upload_of_a_client_at_a_time_and_none_is_left_half_done(yule, pending):
    with client(yule) as one:
        one.authenticate().begin_put(1_000, bytes(32))
        one.send(CHUNK, b"a" * 10)
        wait_for("it is under way", lambda: len(os.listdir(pending)) == 2)
        with client(yule, instance=one.instance) as two:
            assert two.authenticate().put(b"mine") == NOFILE
    yule.wait_line(msg="Baseline upload refused", reason=re.compile("another one"))
    wait_for("nothing is left", lambda: os.listdir(pending) == [])
    # Nor by a server that was killed.
    with client(yule) as peer:
        peer.authenticate().begin_put(1_000, bytes(32))
        wait_for("it is under way", lambda: len(os.listdir(pending)) == 2)
        yule.kill()
    yule.start()
    assert os.listdir(pending) == []


def test_a_pending_directory_that_cannot_be_used_is_told_once(yule, pending):
    os.chown(pending, 0, 0)
    yule.stop()
    yule.start()
    yule.wait_line(msg="Service failure", service="baseline uploads")
    with client(yule) as peer:
        assert peer.authenticate().put(b"x") == NOFILE
    yule.wait_line(msg="Baseline upload refused", reason=re.compile("Permission denied"))
    assert yule.count(msg="Service failure") == 1
    os.chown(pending, *yule.identity_ids())
    with client(yule) as peer:
        assert peer.authenticate().put(b"x") == STORED


# --- approval ---

def made_baseline(samhain):
    """What samhain -t init makes of the tree."""
    samhain.baseline.unlink(missing_ok=True)
    samhain.init()
    return samhain.baseline.read_bytes()


def upload(yule, content):
    with client(yule) as peer:
        assert peer.authenticate().put(content) == STORED


def baseline(yule, *arguments):
    return yule.ctl("baseline", *arguments)


def test_an_upload_becomes_the_clients_baseline_when_it_is_approved(yule, samhain, pending):
    approved = pending.parent / f"file.{CLIENT1}"
    (samhain.tree / "stays").write_text("x\n")
    (samhain.tree / "goes").write_text("x\n")
    first = made_baseline(samhain)
    upload(yule, first)
    digest = hashlib.sha256(first).hexdigest()
    assert [word in baseline(yule, "list").stdout for word in (CLIENT1, digest)] == [True, True]
    told = baseline(yule, "diff", CLIENT1)
    assert told.returncode == 0, told.stderr
    assert f"added    {samhain.tree}/stays\n" in told.stdout
    done = baseline(yule, "approve", CLIENT1)
    assert (done.returncode, digest in done.stdout) == (0, True), done.stderr
    assert approved.read_bytes() == first
    facts = approved.stat()
    assert (facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)) == (
        0, yule.identity_ids()[1], 0o640)
    assert os.listdir(pending) == []
    assert "RELOAD" in yule.ctl("LIST").stdout
    assert fetch(yule, BASELINE) == first

    (samhain.tree / "goes").unlink()
    (samhain.tree / "new").write_text("y\n")
    (samhain.tree / "stays").write_text("longer\n")
    second = made_baseline(samhain)
    upload(yule, second)
    told = baseline(yule, "diff", CLIENT1).stdout
    assert f"added    {samhain.tree}/new\n" in told
    assert f"removed  {samhain.tree}/goes\n" in told
    assert f"changed  {samhain.tree}/stays\n" in told
    assert "         size: 2 -> 7\n" in told
    changes = {c["path"]: c for c in json.loads(baseline(yule, "--json", "diff", CLIENT1).stdout)}
    assert changes[f"{samhain.tree}/stays"]["attributes"]["size"] == ["2", "7"]
    assert changes[f"{samhain.tree}/goes"]["change"] == "removed"
    # Not what the administrator saw.
    refused = baseline(yule, "approve", CLIENT1, f"--digest={digest}")
    assert (refused.returncode, approved.read_bytes()) == (1, first)
    assert baseline(yule, "approve", CLIENT1,
                    f"--digest={hashlib.sha256(second).hexdigest()}").returncode == 0
    assert approved.read_bytes() == second
    assert sorted(os.listdir(pending.parent)) == [f"file.{CLIENT1}", "pending"]


def test_a_rejected_upload_is_gone(yule, samhain, pending):
    upload(yule, made_baseline(samhain))
    assert "tree" in baseline(yule, "show", CLIENT1).stdout
    assert baseline(yule, "reject", CLIENT1).returncode == 0
    assert os.listdir(pending) == []
    for verb in ("show", "diff", "approve", "reject"):
        done = baseline(yule, verb, CLIENT1)
        assert done.returncode == 1 and "waits" in done.stderr, verb
    assert baseline(yule, "list").stdout == ""


@pytest.mark.parametrize("content", [b"rubbish", b"SQLite format 3\0" * 1_000 + b"x" * 72
                                     + struct.pack(">QI", 16_000, 1) + b"samhain-baseline"])
def test_what_is_no_baseline_is_not_approved(yule, pending, content):
    upload(yule, content)
    for verb in ("show", "diff", "approve"):
        done = baseline(yule, verb, CLIENT1)
        assert done.returncode == 1 and done.stderr.startswith("ERROR: "), (verb, done)
    assert os.listdir(pending.parent) == ["pending"]


@pytest.mark.parametrize("make", [
    lambda path: path.symlink_to("/etc/passwd"), lambda path: os.mkfifo(path),
    lambda path: path.mkdir()])
def test_what_a_broken_server_may_leave_in_the_pending_directory_is_refused(yule, pending, make):
    make(pending / f"file.{CLIENT1}")
    for verb in ("show", "diff", "approve"):
        assert baseline(yule, verb, CLIENT1).returncode == 1, verb
    assert baseline(yule, "list").stdout == ""


@pytest.mark.parametrize("arguments", [
    ("approve",), ("list", "x"), ("approve", "../x"), ("approve", "a/b"), ("eat", "x"), (),
    ("approve", "a", "b")])
def test_wrong_calls_about_baselines_say_what_is_right(yule, pending, arguments):
    done = baseline(yule, *arguments)
    assert done.returncode == 1 and "Usage: " in done.stderr


def test_paths_can_be_given_where_the_server_does_not_run(yule, pending):
    upload(yule, b"x")
    yule.stop()
    assert "--data=DIR" in baseline(yule, "list").stderr
    assert CLIENT1 in baseline(yule, f"--data={pending.parent}", "list").stdout


def test_uploads_beyond_those_under_way_wait_for_their_turn(yule, pending):
    names = [f"host{i}.example.test" for i in range(18)]
    line = next(entry for entry in yule.settings["Clients"])
    for name in names:
        yule.add("Clients", line.replace(CLIENT1, name, 1))
    yule.set("Server", "SeverityLookup", "debug")
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    content = b"z" * 1_000
    digest = protocol3.sha256(content)
    peers = [Peer(name, yule.port, PASSWORD).connect().authenticate() for name in names]
    try:
        for peer in peers:
            peer.begin_put(len(content), digest)
        wait_for("16 under way", lambda: len(os.listdir(pending)) == 32)
        for peer in reversed(peers):  # those that wait have sent all before they are begun
            peer.send(CHUNK, content)
            peer.send(END, peer.file_mac(4, BASELINE, peer.nonce, digest))
        for peer in peers:
            assert peer.receive_verdict(digest) == STORED
    finally:
        for peer in peers:
            peer.close()
    assert sorted(os.listdir(pending)) == sorted(f"file.{name}" for name in names)
