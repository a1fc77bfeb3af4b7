"""The one place that waits: for a condition, with a bound."""

import time

INTERVAL_S = 0.02


def wait_for(what, condition, bound=15.0, told=None):
    """Returns the first true value of `condition()`; fails after `bound` seconds saying `what` did
    not come, with the text of `told()` where the reader of the failure needs to see more."""
    deadline = time.monotonic() + bound
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            seen = f"\n{told()}" if told else ""
            raise AssertionError(f"not within {bound} s: {what}{seen}")
        time.sleep(INTERVAL_S)


def stays(what, condition, duration=1.0):
    """Fails as soon as `condition()` is false within `duration` seconds."""
    deadline = time.monotonic() + duration
    while time.monotonic() < deadline:
        assert condition(), f"did not stay: {what}"
        time.sleep(INTERVAL_S)
