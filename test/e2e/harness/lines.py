"""Log lines taken apart again, in the forms guide and classic (docs/log-format)."""

import os
import re
from dataclasses import dataclass, field

_HEAD = re.compile(r"^(?P<tag>.{8}) +\[(?P<time>[^\]]+)\] ?(?P<rest>.*)$", re.S)
_GUIDE_FIELD = re.compile(r'([A-Za-z0-9_.]+)="((?:[^"\\]|\\.)*)"')
_CLASSIC_FIELD = re.compile(r"([A-Za-z0-9_.]+)=<((?:[^<>\\]|\\.)*)>")
_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.S)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f", "b": "\b"}


@dataclass
class Line:
    """One line; values are text in latin-1 clothes, so that each character is one byte."""

    raw: str
    tag: str
    time: str
    fields: list = field(default_factory=list)
    inner: "Line | None" = None  # a client's own line, on the server

    def get(self, key, default=None):
        return next((v for k, v in self.fields if k == key), default)

    @property
    def msg(self):
        return self.get("msg", "")

    @property
    def severity(self):
        return self.tag.rstrip(" :")

    @property
    def keys(self):
        return [k for k, _ in self.fields]

    def value_bytes(self, key):
        return self.get(key).encode("latin-1")


def unescape(text):
    def one(match):
        what = match.group(1)
        if len(what) == 3:
            return chr(int(what, 8))
        return _LETTERS.get(what, what)

    return _ESCAPE.sub(one, text)


def _parse_guide(line):
    line.fields = [(k, unescape(v)) for k, v in _GUIDE_FIELD.findall(line.raw_rest)]
    if line.tag.startswith("<") and line.get("client") is not None:
        line.inner = parse(line.msg, "guide")


def _parse_classic(line):
    wrapped = re.match(r"^client=<([^>]*)>, msg=<(.*)>$", line.raw_rest, re.S)
    if line.tag.startswith("<") and wrapped:
        line.fields = [("client", wrapped.group(1)), ("msg", wrapped.group(2))]
        # An `=` before `<` stands for itself; all others that matter are `=xx` (logging.md 3.4).
        inner = re.sub(r"=([0-9a-f]{2})", _rewritten, wrapped.group(2))
        line.inner = parse(inner, "classic")
        return
    line.fields = [(k, unescape(v)) for k, v in _CLASSIC_FIELD.findall(line.raw_rest)]


def _rewritten(match):
    byte = chr(int(match.group(1), 16))
    return "\\" + format(ord(byte), "03o") if byte in "<>\\\"" or not " " <= byte <= "~" else byte


def parse(raw, form="guide"):
    """A Line, or None for text that is no log line."""
    match = _HEAD.match(raw)
    if not match:
        return None
    line = Line(raw, match["tag"], match["time"])
    line.raw_rest = match["rest"]
    (_parse_guide if form == "guide" else _parse_classic)(line)
    return line


def parse_all(text, form="guide"):
    return [line for line in (parse(raw, form) for raw in text.split("\n")) if line]


class Follower:
    """The lines of a file that grows: only what is new is read and taken apart."""

    def __init__(self, path, form):
        self.path, self.form = path, form
        self.lines, self.at, self.inode = [], 0, None

    def look(self):
        try:
            with open(self.path, "rb") as file:
                facts = os.fstat(file.fileno())
                if facts.st_ino != self.inode or facts.st_size < self.at:
                    self.lines, self.at, self.inode = [], 0, facts.st_ino
                file.seek(self.at)
                new = file.read()
        except FileNotFoundError:
            return []
        whole = new[:new.rfind(b"\n") + 1]
        self.at += len(whole)
        self.lines += parse_all(whole.decode("latin-1"), self.form)
        return list(self.lines)
