"""UseSeparateLogs: each client's reports in a log of their own, exactly once."""

import threading

from harness import tls
from harness.daemons import PASSWORD, text_of
from harness.protocol3 import Peer, body
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2

TWIN = "client1.other.test"  # differs from CLIENT1 in the domain only
KILLS = 8


def log_of(yule, name):
    return yule.log.with_name(f"{yule.log.name}.{name}")


def send(yule, name, text, source=CLIENT1):
    with Peer(name, yule.port, PASSWORD, source=ADDRESS_OF[source]) as peer:
        peer.authenticate()
        assert peer.report(0, body(text)) == 0


def test_clients_write_to_their_own_logs_and_the_server_to_the_main_one(yule):
    yule.register(CLIENT2)
    yule.register(TWIN)
    yule.set("Server", "UseSeparateLogs", "yes")
    yule.start()
    send(yule, CLIENT1, b"of client1")
    send(yule, CLIENT2, b"of client2", CLIENT2)
    send(yule, TWIN, b"of the twin")
    assert "of client1" in text_of(log_of(yule, CLIENT1)), "whole names where short ones are not unique"
    assert "of the twin" in text_of(log_of(yule, TWIN))
    assert "of client2" in text_of(log_of(yule, "client2"))
    assert 'msg="NEW CLIENT"' in text_of(yule.log)
    assert "of client" not in text_of(yule.log)
    assert log_of(yule, CLIENT1).stat().st_mode & 0o777 == 0o640


def test_a_log_that_cannot_be_opened_is_told_and_the_main_one_takes_its_place(yule):
    yule.set("Server", "UseSeparateLogs", "yes")
    log_of(yule, "client1").mkdir()
    yule.start()
    send(yule, CLIENT1, b"kept")
    assert yule.count(inner=True, msg="kept") == 1
    assert yule.count(msg="Service failure", service="logfile") == 1


class Sender(threading.Thread):
    """Sends numbered reports for ever; what is not acknowledged is sent again, as by an agent."""

    def __init__(self, name, port):
        super().__init__(daemon=True)
        self.peer = Peer(name, port, PASSWORD, source=ADDRESS_OF[name])
        self.acknowledged = 0
        self.failure = None
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.is_set():
            try:
                with self.peer:
                    number = max(self.peer.authenticate().next_seq, self.acknowledged)
                    while not self.is_over.is_set():
                        self.peer.report(number, body(b"report %d." % number))
                        number += 1
                        self.acknowledged = number
            except (tls.Closed, OSError):
                self.is_over.wait(0.02)
            except AssertionError as failure:
                self.failure = failure
                return


def test_killed_again_and_again_it_loses_and_doubles_nothing(yule):
    yule.register(CLIENT2)
    yule.set("Server", "UseSeparateLogs", "yes")
    yule.start()
    senders = [Sender(CLIENT1, yule.port), Sender(CLIENT2, yule.port)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        goals = [sender.acknowledged + 5 for sender in senders]
        wait_for("some reports", lambda goals=goals: all(
            s.acknowledged >= g or s.failure for s, g in zip(senders, goals)), 30.0, yule.told)
        yule.kill()
        yule.start()
    for sender in senders:
        sender.is_over.set()
        sender.join(20)
        assert sender.failure is None
    assert yule.stop() == 0
    for sender, name in zip(senders, ("client1", "client2")):
        text = text_of(log_of(yule, name))
        counts = [text.count(f"report {number}.") for number in range(sender.acknowledged)]
        assert set(counts) == {1}, [n for n, count in enumerate(counts) if count != 1]
