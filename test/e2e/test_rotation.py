"""The log is moved away while reports flow, and signals that have to do with it."""

import re
import signal
import threading
from pathlib import Path

from harness import inject
from harness.daemons import PASSWORD, text_of
from harness.protocol3 import Peer, body
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1

REPORTS = 300


class Sender(threading.Thread):
    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.sent, self.failure = port, 0, None

    def run(self):
        try:
            with Peer(CLIENT1, self.port, PASSWORD, source=ADDRESS_OF[CLIENT1]) as peer:
                peer.authenticate()
                for number in range(REPORTS):
                    peer.report(number, body(b"report %d." % number))
                    self.sent = number + 1
        except (AssertionError, OSError) as failure:
            self.failure = failure


def count(text, number):
    return text.count(f"report {number}.")


def test_h2_rename_and_signal_while_reports_flow_lose_and_double_nothing(yule):
    yule.start()
    sender = Sender(yule.port)
    sender.start()
    moved = []
    for number in range(1, 6):
        wait_for("some reports", lambda least=50 * number: sender.sent >= least or sender.failure)
        moved.append(yule.log.with_name(f"{yule.log.name}.{number}"))
        yule.log.rename(moved[-1])
        yule.signal(signal.SIGABRT if number % 2 else signal.SIGTTIN)
        wait_for("a new log", yule.log.exists)
    sender.join(30)
    assert sender.failure is None and sender.sent == REPORTS
    assert yule.stop() == 0
    text = "".join(text_of(path) for path in [*moved, yule.log])
    assert [n for n in range(REPORTS) if count(text, n) != 1] == []
    assert 'msg="EXIT"' in text_of(yule.log)


def test_quit_acknowledges_what_arrived_and_ends(yule):
    yule.start()
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS_OF[CLIENT1]) as peer:
        peer.authenticate()
        assert peer.report(0, body(b"last")) == 0
        yule.signal(signal.SIGQUIT)
        assert yule.wait_end() == 0
    assert yule.count(inner=True, msg="last") == 1
    assert yule.log_lines()[-1].get("status") == "SIGQUIT"


def test_stop_signals_of_a_terminal_are_ignored_and_fatal_ones_told(yule):
    yule.start()
    yule.signal(signal.SIGTTOU)
    yule.signal(signal.SIGTSTP)
    yule.signal(signal.SIGUSR1)
    yule.signal(signal.SIGSEGV)  # only claimed
    # While it is handled, a real one would find it blocked, and end the process without a word.
    status = Path(f"/proc/{yule.pid}/status")
    masks = re.compile(r"^(?:ShdPnd|SigPnd|SigBlk):\s*([0-9a-f]+)$", re.M)
    wait_for("that one was handled", lambda: not any(
        int(mask, 16) & 1 << signal.SIGSEGV - 1 for mask in masks.findall(status.read_text())))
    with inject.Probe(yule.pid) as probe:
        probe.crash()
    assert yule.wait_end() == -signal.SIGSEGV
    assert 'msg="EXIT" program="Yule" status="Segmentation fault"' in yule.stderr()
