"""Two servers: the second takes over while the first does not answer, and nothing is lost or doubled."""

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from harness.daemons import BUILD, REPOSITORY, Yule, text_of
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, OTHER, SERVER

SECOND = ADDRESS_OF[OTHER]
BUILT_IN_PORT = 51234
BUILT_IN = {"DEFAULT_PORT": f"{BUILT_IN_PORT}", "DEFAULT_LOG_SERVER": f'"{SERVER}"',
            "DEFAULT_ALT_LOG_SERVER": f'"{OTHER}"'}


@pytest.fixture
def pair(folder, yule):
    """Two servers on one port of two addresses; the first is not started."""
    yule.set("Misc", "SetServerInterface", ADDRESS_OF[SERVER])
    (folder / "second").mkdir(mode=0o755)
    second = Yule(folder / "second")
    second.set("Misc", "SetServerInterface", SECOND)
    second.register(CLIENT1)
    return yule, second


def added(server):
    """Paths of findings that arrived at one server, in order."""
    return [line.get("path") for line in server.client_lines("client1") if line.msg == "POLICY ADDED"]


def make(agent, name):
    (agent.tree / name).write_text("x")
    return str(agent.tree / name)


def wait_added(server, path):
    wait_for(f"{path} at the server", lambda: path in added(server), told=server.told)


def assert_goes_over_and_back(pair, samhain):
    """With one process of the agent all along."""
    first, second = pair
    first.start()
    second.start()
    samhain.init()
    samhain.start()
    starts = samhain.count(msg="START")
    before = [make(samhain, f"before{number}") for number in range(2)]
    for path in before:
        wait_added(first, path)

    first.stop()
    during = [make(samhain, f"during{number}") for number in range(3)]
    for path in during:
        wait_added(second, path)

    first.start()
    # Some while it is on its way, so that the switch comes among reports.
    between = []

    def is_back():
        between.append(make(samhain, f"between{len(between)}"))
        return any(path in added(first) for path in between)
    wait_for("the agent is back at the first", is_back, 20, lambda: first.told() + second.told())
    after = make(samhain, "after")
    wait_added(first, after)
    assert samhain.count(msg="START") == starts
    samhain.wait_line(msg="Connection reestablished", service="log server")
    samhain.stop()
    first.wait_line(inner=True, client="client1", msg="EXIT")

    times = Counter(added(first) + added(second))
    assert times == dict.fromkeys([*before, *during, *between, after], 1)
    assert set(before) <= set(added(first)) and set(during) <= set(added(second))
    for server in pair:
        assert not server.count(msg=re.compile("Signature mismatch|^Restart without prior exit"))


def test_the_agent_goes_back_to_the_first_by_itself_and_each_report_arrives_once(pair, samhain):
    samhain.add("Client", f"SetLogServer={SECOND}")
    assert_goes_over_and_back(pair, samhain)


def test_at_its_next_start_the_agent_asks_the_first_first(pair, samhain):
    first, second = pair
    second.start()
    samhain.add("Client", f"SetLogServer={SECOND}")
    samhain.init()
    samhain.start()
    during = make(samhain, "during")
    wait_added(second, during)
    samhain.stop()
    second.wait_line(inner=True, client="client1", msg="EXIT")
    first.start()
    samhain.start()
    after = make(samhain, "after")
    wait_added(first, after)
    assert after not in added(second)


def test_a_first_that_is_away_from_the_beginning_is_named_once(pair, samhain):
    _, second = pair
    second.start()
    samhain.init()
    samhain.add("Client", f"SetLogServer={SECOND}")
    make(samhain, "new")
    done = samhain.check()
    assert done.returncode == 0, done.stderr
    assert done.stderr.count('msg="Connection refused, address 127.0.0.1"') == 1
    assert f'host="{SERVER}"' in done.stderr
    wait_added(second, str(samhain.tree / "new"))


# --- built in: --with-port, --with-logserver, --with-altlogserver ----------------------------------------


def built_in_config():
    text = text_of(BUILD / "config.h")
    for name, value in BUILT_IN.items():
        text, count = re.subn(f"^#define {name} .*$", f"#define {name} {value}", text, flags=re.M)
        assert count == 1, name
    return text


def objects_with(names, build):
    """The objects of sources in which one of `names` stands: all others are as they are."""
    for source in (REPOSITORY / "src").rglob("*.cc"):
        if any(name in text_of(source) for name in names):
            yield from (build / source.parent.relative_to(REPOSITORY)).glob(f"*{source.stem}.o")


@pytest.fixture(scope="module")
def other_build():
    """What `configure --with-port=… --with-logserver=… --with-altlogserver=…` would build, by way of
    the objects that are there already."""
    assert list((BUILD / "src" / "agent").glob("*.o")), "needs a build directory with its objects"
    tree = Path(tempfile.mkdtemp(prefix="samhain-built-in-"))
    tree.chmod(0o755)
    try:
        for entry in REPOSITORY.iterdir():
            if entry != BUILD:
                (tree / entry.name).symlink_to(entry)
        build = tree / BUILD.name
        shutil.copytree(BUILD, build, ignore=shutil.ignore_patterns("unit", "fuzz", "bench", "lint"))
        config = build / "config.h"
        times = config.stat()
        config.write_text(built_in_config())
        os.utime(config, ns=(times.st_atime_ns, times.st_mtime_ns))
        for one in objects_with(BUILT_IN, build):
            one.unlink()
        subprocess.run(["make", "-j2", "-C", str(build), "samhain", "yule"], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=300)
        yield build
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def unset(daemon, section, key):
    daemon.settings[section] = [entry for entry in daemon.settings[section]
                                if not entry.startswith(key + "=")]


def test_b6_b18_a_port_and_two_servers_that_are_built_in(pair, samhain, other_build):
    for server in pair:
        server.program = str(other_build / "yule")
        unset(server, "Misc", "SetServerPort")
    samhain.program = str(other_build / "samhain")
    unset(samhain, "Client", "SetLogServer")
    assert_goes_over_and_back(pair, samhain)
    assert f"port {BUILT_IN_PORT}, server {SERVER}" in samhain.call("--version").stdout
