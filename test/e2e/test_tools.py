"""samhain_setpwd, the password file, yulectl."""

import json
import os
import re
import shutil
import socket
import stat

import pytest

from harness import daemons, lines
from harness.daemons import PASSWORD, SAMHAIN, SETPWD, run
from harness.protocol3 import Peer, body
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2

OTHER_PASSWORD = "AAAABBBBCCCCDDDD0000111122223333"


@pytest.fixture
def binary(tmp_path):
    """A copy of the agent's program to set a password in."""
    copy = tmp_path / "samhain"
    shutil.copyfile(SAMHAIN, copy)
    copy.chmod(0o750)
    return copy


@pytest.mark.anybody
def test_setpwd_writes_a_copy_with_the_same_mode_and_leaves_the_input(binary):
    before = binary.read_bytes()
    done = run(SETPWD, binary, "new", PASSWORD)
    assert done.returncode == 0, done.stdout + done.stderr
    made = binary.with_name("samhain.new")
    assert binary.read_bytes() == before
    after = made.read_bytes()
    assert len(after) == len(before) and after != before
    assert stat.S_IMODE(made.stat().st_mode) == 0o750
    assert "finished" in done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr, "a password does not belong on a terminal"
    assert run(made, "-v").returncode == 0


@pytest.mark.anybody
def test_setpwd_refuses_a_program_that_is_already_set(binary):
    assert run(SETPWD, binary, "new", PASSWORD).returncode == 0
    again = run(SETPWD, f"{binary}.new", "newer", OTHER_PASSWORD)
    assert again.returncode == 1
    assert not os.path.exists(f"{binary}.new.newer")


@pytest.mark.anybody
def test_setpwd_refuses_a_file_without_the_place_for_it(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10_000)
    done = run(SETPWD, file, "new", PASSWORD)
    assert done.returncode == 1 and done.stdout + done.stderr
    assert not os.path.exists(f"{file}.new")


@pytest.mark.anybody
@pytest.mark.parametrize("password", ["0123456789ABCDE", "0123456789ABCDEG", "", "A" * 65,
                                      "F7C312AAAA12C3F7", "f7c312aaaa12c3f7"])
def test_setpwd_refuses_what_is_no_password(binary, password):
    done = run(SETPWD, binary, "new", password)
    assert done.returncode == 1
    assert not os.path.exists(f"{binary}.new")


@pytest.mark.anybody
def test_setpwd_without_its_arguments_shows_the_usage(binary):
    for arguments in ((), (binary,), (binary, "new"), (binary, "new", PASSWORD, "more")):
        done = run(SETPWD, *arguments)
        assert done.returncode == 1
        assert "samhain_setpwd" in done.stderr


@pytest.mark.anybody
def test_setpwd_tells_which_file_it_cannot_read(tmp_path):
    done = run(SETPWD, tmp_path / "nothing", "new", PASSWORD)
    assert done.returncode == 1
    assert str(tmp_path / "nothing") in done.stdout + done.stderr


def test_a_program_with_its_password_set_authenticates(folder, yule, samhain):
    copy = folder / "samhain-copy"
    shutil.copyfile(SAMHAIN, copy)
    copy.chmod(0o700)
    assert run(SETPWD, copy, "set", OTHER_PASSWORD).returncode == 0
    yule.settings["Clients"] = []
    yule.register(CLIENT1, OTHER_PASSWORD)
    yule.start()
    samhain.settings["Misc"] = [entry for entry in samhain.settings["Misc"]
                                if not entry.startswith("SetPasswordFile")]
    samhain.password_file.unlink()
    samhain.program = f"{copy}.set"
    samhain.init()
    assert samhain.check().returncode == 0
    yule.wait_line(inner=True, client="client1", msg="EXIT")


@pytest.mark.parametrize("spoil", ["others may read it", "no password in it", "missing"])
def test_a_password_file_that_cannot_be_trusted_is_refused(yule, samhain, spoil):
    """The check itself is done; its reports wait in the spool until the file is mended."""
    yule.start()
    samhain.init()
    if spoil == "others may read it":
        samhain.password_file.chmod(0o644)
    elif spoil == "missing":
        samhain.password_file.unlink()
    else:
        samhain.password_file.write_text("hello\n")
    (samhain.tree / "f").write_text("x\n")
    done = samhain.check()
    print(done.stderr)
    told = [one for one in lines.parse_all(done.stderr) if one.severity in ("ERROR", "CRIT", "WARN")]
    assert any(str(samhain.password_file) in one.raw for one in told)
    assert PASSWORD not in done.stderr
    assert yule.count(msg="NEW CLIENT") == 0
    samhain.set_password(PASSWORD)
    samhain.check()
    yule.wait_line(inner=True, msg="POLICY ADDED", path=str(samhain.tree / "f"))


# --- yulectl ------------------------------------------------------------------------------------------------


def test_list_shows_every_client_and_its_state(yule):
    yule.register(CLIENT2)
    yule.start()
    before = yule.ctl("CLIENTS")
    assert before.returncode == 0, before.stderr
    assert re.search(rf"{CLIENT1}\s.*Inactive.*never", before.stdout)
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS_OF[CLIENT1]) as peer:
        peer.authenticate()
        peer.report(1, body(b"POLICY ADDED", fields=[(b"path", b"/tmp/EXIT")]))
        after = yule.ctl("-c", "CLIENTS").stdout
        assert re.search(rf"{CLIENT1}\s.*POLICY", after), "the message decides, not a file's name"
        assert ADDRESS_OF[CLIENT1] in after
        peer.report(2, body(b"EXIT", event_class=11, severity=8,
                            fields=[(b"program", b"Samhain"), (b"status", b"Terminated")]))
        assert re.search(rf"{CLIENT1}\s.*Exited", yule.ctl("CLIENTS").stdout)
    assert re.search(rf"{CLIENT2}\s.*Inactive", yule.ctl("CLIENTS").stdout)


def test_status_and_list_can_be_had_as_json(yule):
    yule.start()
    clients = json.loads(yule.ctl("--json", "CLIENTS").stdout)
    assert clients == [{"client": CLIENT1, "state": "Inactive", "last_contact": 0, "address": "-",
                        "last_number": 0}]
    plain = yule.ctl("STATUS")
    assert plain.returncode == 0 and plain.stdout
    status = json.loads(yule.ctl("--json", "STATUS").stdout)
    assert set(status) == {line.split()[0] for line in plain.stdout.split("\n") if line}


def test_the_uid_that_is_allowed_may(folder, yule):
    folder.chmod(0o755)
    yule.set("Misc", "SetSocketAllowUid", 77)
    yule.start()
    done = run("setpriv", "--reuid=77", "--regid=77", "--clear-groups", daemons.YULECTL, "-s",
               yule.socket, "CLIENTS")
    assert done.returncode == 0 and CLIENT1 in done.stdout


@pytest.mark.parametrize("arguments", [(), ("-c",), ("-c", "NONSENSE"), ("-x",)])
def test_a_wrong_call_shows_the_usage_and_exits_with_1(yule, arguments):
    yule.start()
    done = yule.ctl(*arguments)
    assert done.returncode == 1 and done.stderr


def test_without_a_server_it_says_so(yule):
    done = yule.ctl("CLIENTS")
    assert done.returncode == 1
    assert str(yule.socket) in done.stderr or "connect" in done.stderr


def test_a_hostile_caller_of_the_socket_harms_nothing(yule):
    yule.start()
    for junk in (b"\0" * 100_000, b"LIST" * 10_000, os.urandom(5000), b"", b"\n"):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(yule.socket))
            caller.settimeout(10)
            try:
                caller.sendall(junk)
                caller.shutdown(socket.SHUT_WR)
                while caller.recv(4096):
                    pass
            except OSError:
                continue
    assert yule.process.poll() is None
    assert yule.ctl("CLIENTS").returncode == 0


def test_a_stale_socket_is_replaced(yule):
    yule.start()
    yule.kill()
    assert yule.socket.exists()
    yule.start()
    wait_for("it answers", lambda: yule.ctl("CLIENTS").returncode == 0)
