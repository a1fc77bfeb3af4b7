"""`samhain --test-connection`: what works, what fails first, and what to do about it."""

import re

import pytest

from harness.daemons import PASSWORD
from harness.world import CLIENT1

OTHER_PASSWORD = "FEDCBA9876543210FEDCBA9876543210"


def check(samhain, status, *wanted):
    samhain.write_config()
    done = samhain.call("--test-connection")
    assert done.returncode == status, done.stdout + done.stderr
    for pattern in wanted:
        assert re.search(pattern, done.stdout, re.M), f"{pattern} in\n{done.stdout}"
    return done.stdout


def test_all_works_and_files_that_nobody_needs_may_be_missing(yule, samhain):
    yule.start()
    check(samhain, 0, f"^own name +{CLIENT1}", "^addresses +127.0.0.1", "^TCP, TLS +ok", f"^known as +{CLIENT1}",
          "^authentication +ok", "^configuration there +none, and none is needed", "^result +everything works")


def test_a_server_that_is_down(yule, samhain):
    check(samhain, 1, "Connection refused, address 127.0.0.1", "^result +FAILED", "^remedy .*is yule running")


def test_a_host_that_the_wrapper_refuses(yule, samhain, folder):
    deny = folder / "hosts.deny"
    deny.write_text("yule: ALL\n")
    yule.mounts.append((deny, "/etc/hosts.deny"))
    yule.start()
    check(samhain, 1, "^result +FAILED", "^remedy .*hosts.deny")


def test_a_name_that_is_not_registered_is_the_one_to_register(yule, samhain):
    yule.settings["Clients"] = []
    yule.start()
    check(samhain, 1, f"^known as +{CLIENT1}", "no entry for this name", f"^remedy .*Client={CLIENT1}@")


def test_a_wrong_password(yule, samhain):
    yule.settings["Clients"] = []
    yule.register(CLIENT1, OTHER_PASSWORD)
    yule.start()
    check(samhain, 1, "password is not the one", "^remedy .*samhain_setpwd")


def test_a_server_whose_name_nobody_knows(yule, samhain):
    samhain.settings["Client"] = [line for line in samhain.settings["Client"]
                                  if not line.startswith("SetLogServer")]
    samhain.set("Client", "SetLogServer", "nowhere.example.test")
    check(samhain, 1, "^result +FAILED: no address", "^remedy .*DNS")


@pytest.mark.parametrize("has_file", [True, False])
def test_a_baseline_that_the_configuration_needs(yule, samhain, folder, has_file):
    data = folder / "data"
    data.mkdir()
    data.chmod(0o755)
    yule.set("Server", "SetDataDirectory", data)
    yule.start()
    samhain.set("Misc", "SetDatabasePath", "REQ_FROM_SERVER")
    if has_file:
        (data / "file").write_text("x" * 1000)
        check(samhain, 0, "^baseline there +1000 bytes, SHA-256 [0-9a-f]{64}$", "^result +everything works")
    else:
        check(samhain, 1, "^baseline there +none$", "^remedy .*put file.HOST or file")
