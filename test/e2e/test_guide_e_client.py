"""Stage E of the troubleshooting guide from the client's side: what it takes from its server, what it
says of it, and what it does without."""

import hashlib
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.daemons import Samhain
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2, OTHER, SERVER

REMOTE = "REQ_FROM_SERVER"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def store(folder, yule):
    """The data directory of a server that runs."""
    data = folder / "lib" / "data"
    data.mkdir(parents=True)
    yule.set("Misc", "SetDataDirectory", data)
    yule.start()
    return data


@pytest.fixture
def agent(samhain):
    """An agent whose baseline was made and whose configuration asks for the server's."""
    samhain.init()
    samhain.set("Misc", "SetDatabasePath", REMOTE)
    return samhain


def publish(store, agent, rc=f"rc.{CLIENT1}", baseline=f"file.{CLIENT1}"):
    if rc:
        (store / rc).write_text(agent.config_text(), encoding="latin-1")
        (store / rc).chmod(0o644)
    if baseline:
        (store / baseline).write_bytes(agent.baseline.read_bytes())
        (store / baseline).chmod(0o644)


class FromServer(Samhain):
    """The same agent, its configuration wherever the test says."""

    place = REMOTE

    def command(self, *arguments):
        command = super().command(*arguments)
        command[-1] = f"--config-file={self.place}"
        return command + [f"--server-host={SERVER}", f"--password-file={self.password_file}",
                          f"--bind-address={ADDRESS_OF[self.host]}"]


def remote(agent, place=REMOTE):
    agent.__class__ = FromServer
    agent.place = place
    return agent


def messages(done):
    return re.findall(r'^([A-Z]+) +: +\[[^\]]*\] msg=["<]([^">]*)[">]', done.stderr, re.M)


def start_values(text):
    line = next(line for line in text.splitlines() if re.search('msg=["<]START', line))
    return re.findall(r'path=["<]([^">]*)[">],? hash=["<]([^">]*)[">]', line)


def test_e1_e2_both_files_are_the_servers_and_start_says_which(yule, store, agent):
    publish(store, agent)
    done = remote(agent).call("-t", "check", "--foreground")
    assert done.returncode == 0, done.stderr
    told = [text for _, text in messages(done)]
    wanted = ["Downloading configuration file", "File download completed",
              "Downloading database file", "File download completed", "START"]
    assert [text for text in told if text in wanted] == wanted, done.stderr
    assert start_values(done.stderr) == [(REMOTE, digest(store / f"rc.{CLIENT1}")),
                                         (REMOTE, digest(store / f"file.{CLIENT1}"))]
    wait_for("both transfers", lambda: yule.count(msg="File transfer completed") == 2, told=yule.told)
    assert "POLICY" not in done.stderr


def test_the_servers_baseline_is_what_is_compared_with(yule, store, agent):
    publish(store, agent)
    (agent.tree / "new").write_text("x")
    done = remote(agent).call("-t", "check", "--foreground")
    assert done.returncode == 0, done.stderr
    assert "POLICY ADDED" in done.stderr
    yule.wait_line(inner=True, msg="POLICY ADDED")


def test_e3_e4_the_files_of_all_serve(store, agent):
    publish(store, agent, "rc", "file")
    done = remote(agent).call("-t", "check", "--foreground")
    assert done.returncode == 0, done.stderr
    assert start_values(done.stderr)[1] == (REMOTE, digest(store / "file"))


def test_b2_without_a_server_it_says_whom_it_tried_and_ends(agent):
    done = remote(agent).call("-t", "check", "--foreground")
    assert done.returncode == 1
    assert messages(done) == [
        ("INFO", "Downloading configuration file"),
        ("ERROR", "Connection refused, address 127.0.0.1"),
        ("ERROR", "File download failed"), ("ALERT", "EXIT")], done.stderr
    assert 'status="exit_failure"' in done.stderr


@pytest.mark.usefixtures("store")
def test_e5_e9_without_a_configuration_there_it_ends_and_with_one_it_works(store, agent):
    publish(store, agent, rc=None)
    remote(agent)
    done = agent.call("-t", "check", "--foreground")
    assert done.returncode == 1
    assert messages(done)[-2:] == [("ERROR", "File download failed"), ("ALERT", "EXIT")]
    publish(store, agent)  # E9: no reload, no restart
    assert agent.call("-t", "check", "--foreground").returncode == 0


def test_e6_without_a_baseline_there_it_hints_and_ends(store, agent):
    publish(store, agent, baseline=None)
    done = remote(agent).call("-t", "check", "--foreground")
    assert done.returncode == 1
    tail = [one for one in messages(done) if one[0] != "INFO"][-3:]
    assert tail == [("ERROR", "File download failed"),
                    ("ALERT", "PANIC Error initializing the application"), ("ALERT", "EXIT")]
    assert f"file.{CLIENT1}" in done.stderr


def test_e7_an_unreadable_configuration_is_as_none_until_it_is_readable(yule, store, agent):
    publish(store, agent)
    publish(store, agent, rc="rc", baseline=None)
    own = store / f"rc.{CLIENT1}"
    own.chmod(0o600)
    remote(agent)
    done = agent.call("-t", "check", "--foreground")
    assert done.returncode == 1
    assert messages(done)[-2:] == [("ERROR", "File download failed"), ("ALERT", "EXIT")]
    line = yule.wait_line(msg="File not accessible", severity="ERROR", path=str(own))
    assert line.get("reason") == "Permission denied"
    yule.wait_line(msg="Requested file not found", severity="CRIT", client=CLIENT1, path=str(own))
    own.chmod(0o644)  # E9
    assert agent.call("-t", "check", "--foreground").returncode == 0


def test_e8_a_directory_that_is_closed_to_the_server_is_as_no_file(yule, store, agent):
    publish(store, agent)
    store.chmod(0o700)
    remote(agent)
    done = agent.call("-t", "check", "--foreground")
    assert done.returncode == 1
    assert messages(done)[-2:] == [("ERROR", "File download failed"), ("ALERT", "EXIT")]
    line = yule.wait_line(msg="File not accessible", path=str(store / "rc"), obj=str(store))
    assert (line.severity, line.get("reason")) == ("ERROR", "Permission denied")
    store.chmod(0o755)  # E9
    assert agent.call("-t", "check", "--foreground").returncode == 0


def test_e16_two_clients_at_once_get_their_own(yule, store, agent, folder):
    yule.register(CLIENT2)
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    (folder / "two").mkdir()
    other = FromServer(folder / "two", host=CLIENT2)
    (other.tree / "of the second").write_text("x\n")
    other.place = other.config
    other.init()
    other.set("Misc", "SetDatabasePath", REMOTE)
    publish(store, agent)
    publish(store, other, rc=f"rc.{CLIENT2}", baseline=f"file.{CLIENT2}")
    other.place = REMOTE
    remote(agent)
    with ThreadPoolExecutor() as both:
        done = list(both.map(lambda one: one.call("-t", "check", "--foreground"), (agent, other)))
    for name, one in zip((CLIENT1, CLIENT2), done):
        assert one.returncode == 0, one.stderr
        assert start_values(one.stderr) == [(REMOTE, digest(store / f"rc.{name}")),
                                            (REMOTE, digest(store / f"file.{name}"))]
        assert "POLICY" not in one.stderr


def test_c8_an_unknown_host_gets_nothing(yule, store, agent, folder):
    publish(store, agent)
    remote(agent)
    agent.host = OTHER
    done = agent.call("-t", "check", "--foreground")
    assert done.returncode == 1
    assert ("ERROR", "Session key negotiation failed") in messages(done)
    assert messages(done)[-2:] == [("ERROR", "File download failed"), ("ALERT", "EXIT")]
    yule.wait_line(msg="Invalid connection attempt: Not in client list", client=OTHER)


def test_e10_e11_init_falls_back_to_its_own_configuration(agent):
    agent.set("Misc", "SetDatabasePath", f"{REMOTE}{agent.baseline}")
    agent.write_config()
    agent.baseline.unlink()
    remote(agent, f"{REMOTE}{agent.config}")
    done = agent.call("-t", "init", "-e", "none")
    assert done.returncode == 0, done.stderr
    assert ("WARN", "File download failed") in messages(done)
    assert ("INFO", "No file from server, trying local file") in messages(done)
    assert agent.baseline.exists()  # E11: it is written here, and not asked for
    agent.config.unlink()
    gone = agent.call("-t", "init", "-e", "none")
    assert gone.returncode == 1
    assert ("ALERT", "PANIC - File not accessible") in messages(gone)
    assert f'path="{agent.config}"' in gone.stderr


def test_init_needs_a_path_here(store, agent):
    publish(store, agent)
    done = remote(agent).call("-t", "init", "-e", "none")
    assert done.returncode == 1
    assert ("ALERT", "PANIC No local path for database specified") in messages(done)


def test_a_check_does_not_fall_back(agent):
    agent.write_config()
    done = remote(agent, f"{REMOTE}{agent.config}").call("-t", "check", "--foreground")
    assert done.returncode == 1
    assert "trying local file" not in done.stderr


def test_a_reload_fetches_what_changed_and_keeps_what_did_not(yule, store, agent):
    publish(store, agent)
    remote(agent).start()
    completed = agent.count(msg="File download completed")
    agent.signal(signal.SIGHUP)
    agent.wait_line(msg="Runtime configuration reloaded")
    assert agent.count(msg="File download completed") == completed, "both were current"

    (agent.tree / "new").write_text("x")
    agent.wait_line(msg="POLICY ADDED")
    agent.add("Misc", "ReportFullDetail=yes")
    publish(store, agent)
    agent.signal(signal.SIGHUP)
    wait_for("the second reload",
             lambda: agent.count(msg="Runtime configuration reloaded") == 2, told=agent.told)
    assert agent.count(msg="File download completed") == completed + 1
    agent.stop()
    assert yule.count(msg=re.compile("Signature mismatch")) == 0


def test_e17_a_reload_without_the_server_keeps_both_and_goes_on(yule, store, agent):
    publish(store, agent)
    remote(agent).start()
    yule.stop()
    agent.signal(signal.SIGHUP)
    line = agent.wait_line(msg="File download failed")
    assert line.severity == "INFO"
    agent.wait_line(msg="Old configuration stays")
    agent.wait_checks(agent.count(msg="File check completed.") + 2)
    agent.stop()


def test_a_baseline_that_is_none_is_refused(store, agent):
    publish(store, agent)
    (store / f"file.{CLIENT1}").write_bytes(b"no baseline at all" * 100)
    done = remote(agent).call("-t", "check", "--foreground")
    assert done.returncode == 1
    assert "PANIC - Baseline refused" in done.stderr


def test_a_reload_while_the_start_is_put_off_waits_for_it(agent):
    agent.set("Misc", "StartupLoadDelay", 3600)
    agent.start(waits=False)
    status = Path(f"/proc/{agent.pid}/status")

    def held(mask):
        line = re.search(rf"^{mask}:\s*([0-9a-f]+)$", status.read_text(), re.M)
        return int(line[1], 16) & 1 << signal.SIGHUP - 1

    wait_for("the daemon holds SIGHUP", lambda: held("SigBlk"))
    agent.signal(signal.SIGHUP)
    wait_for("SIGHUP waits", lambda: held("ShdPnd"))
    agent.kill()
