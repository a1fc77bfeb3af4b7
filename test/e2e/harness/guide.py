"""What the tests of the troubleshooting guide share: a line counts when it stands on both sinks of the
program that says it, in its log in the form guide and on its console in the form classic."""

import os
import re

from . import lines
from .daemons import Samhain, run
from .waiting import wait_for
from .world import CLIENT1

#: What is at warn or above in every life of a daemon and no failure.
ORDINARY = {"START", "EXIT"}
LOUD = {"WARN", "ERROR", "CRIT", "ALERT"}


def fits(value, wanted):
    return bool(wanted.search(value)) if isinstance(wanted, re.Pattern) else value == str(wanted)


def is_line(line, severity, msg, fields):
    """The message, and then these keys in this order; what we add comes after them."""
    if line is None or line.severity != severity or not fits(line.msg, msg):
        return False
    at = line.keys.index("msg") + 1
    found = line.fields[at:at + len(fields)]
    return [k for k, _ in found] == list(fields) and all(
        fits(value, fields[key]) for key, value in found)


def find(daemon, source, severity, msg, fields):
    seen = daemon.log_lines() if source == "log" else daemon.stderr_lines()
    return [line for line in seen if is_line(line, severity, msg, fields)]


def expect(daemon, severity, msg, bound=15.0, count=1, **fields):
    """Waits for the `count`th such line, on both sinks; returns that of the log."""
    def look(source):
        found = find(daemon, source, severity, msg, fields)
        return found[count - 1] if len(found) >= count else None
    what = f"{severity} {msg} {fields}"
    wait_for(f"{daemon.name}: {what} on the console", lambda: look("stderr"), bound, daemon.told)
    return wait_for(f"{daemon.name}: {what} in the log", lambda: look("log"), bound, daemon.told)


def expect_from(yule, client, severity, msg, bound=15.0, **fields):
    """The same for a client's own line inside the server's."""
    def look(seen):
        return next((one for one in seen if one.inner and one.tag.startswith("<TCP>")
                     and one.get("client") == client and one.keys == ["client", "msg"]
                     and is_line(one.inner, severity, msg, fields)), None)
    what = f"{client}: {severity} {msg} {fields}"
    wait_for(f"{what} on the console", lambda: look(yule.stderr_lines()), bound, yule.told)
    return wait_for(f"{what} in the log", lambda: look(yule.log_lines()), bound, yule.told)


def says(daemon, severity, msg, **fields):
    """How often it stands in the log, now."""
    return len(find(daemon, "log", severity, msg, fields))


def loud(daemon):
    """The messages at warn or above so far that are no ordinary ones, each once."""
    return {line.msg for line in daemon.log_lines()
            if line.inner is None and line.severity in LOUD and line.msg not in ORDINARY}


def both_forms(daemon):
    daemon.stderr_form = "classic"
    daemon.set("Log", "PrintFormat", "classic")
    return daemon


def client(folder, host=CLIENT1, name=None, **more):
    """Another agent with files of its own below `folder`."""
    place = folder / (name or host)
    place.mkdir()
    return both_forms(Samhain(place, host=host, **more))


def check(samhain, *arguments, timeout=60):
    """`samhain -t check --foreground`; what it says on stderr counts as its console."""
    done = samhain.check(*arguments, timeout=timeout)
    with open(samhain.stderr_path, "a", encoding="latin-1") as file:
        file.write(done.stderr)
    return done


def in_form(text, form="classic"):
    return lines.parse_all(text, form)


def as_user(uid, *command):
    return run("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command)


def replace_file(path, text):
    """In place, for what is bind-mounted: the inode must stay."""
    with open(path, "w", encoding="latin-1") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
