"""Two servers: the second takes over while the first does not answer, and nothing is lost or doubled."""

import pytest

from harness.daemons import Yule
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, OTHER, SERVER

SECOND = ADDRESS_OF[OTHER]


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


def test_the_second_serves_while_the_first_is_away(pair, samhain):
    first, second = pair
    first.start()
    second.start()
    samhain.add("Client", f"SetLogServer={SECOND}")
    samhain.init()
    samhain.start()
    before = make(samhain, "before")
    wait_added(first, before)
    assert added(second) == []

    first.kill()
    during = [make(samhain, f"during{number}") for number in range(3)]
    for path in during:
        wait_added(second, path)
    samhain.stop()

    # At the next start the first is asked first.
    first.start()
    samhain.start()
    after = make(samhain, "after")
    wait_added(first, after)
    samhain.stop()
    for server in pair:
        server.stop()
    at_first, at_second = added(first), added(second)
    assert set(at_first) | set(at_second) == {before, *during, after}
    # Findings are reported again by a new process of the client: only the first run is counted.
    assert at_second.count(before) == 0
    assert all(at_second.count(path) == 1 for path in during)
    assert at_first.count(before) >= 1


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
