"""What decides beside the policies, with the real program: samhainrc(5), [Misc]."""

import os

import pytest


@pytest.fixture
def alone(samhain):
    samhain.settings["Client"] = []
    samhain.set("Log", "LogSeverity", "notice")
    return samhain


def begin(agent):
    agent.init()
    agent.log.unlink()


def test_contents_are_skipped_by_type_and_size_in_the_measurers(alone):
    alone.add("Misc", "SkipChecksum=match_filetype(IMAGE) !match_regex(/must)")
    alone.add("Misc", "SkipChecksum=size_exceeds(1000),have_permission(0400)")
    png = b"\x89PNG\r\n\x1a\n"
    (alone.tree / "a.png").write_bytes(png + b"1")
    (alone.tree / "must.png").write_bytes(png + b"1")
    (alone.tree / "large").write_bytes(b"x" * 2000)
    (alone.tree / "text").write_text("one\n")
    begin(alone)
    (alone.tree / "a.png").write_bytes(png + b"2")
    (alone.tree / "must.png").write_bytes(png + b"2")
    (alone.tree / "large").write_bytes(b"y" * 2000)
    (alone.tree / "text").write_text("two\n")
    assert alone.check().returncode == 0
    for name, code in (("a.png", "--------T-"), ("must.png", "C-------T-"),
                       ("large", "--------T-"), ("text", "C-------T-")):
        assert alone.count(msg=f"POLICY [ReadOnly] {code}", path=str(alone.tree / name)) == 1, name


def test_patterns_hide_what_is_added_missing_or_modified(alone):
    tree = alone.tree
    alone.set("Misc", "LooseDirCheck", "yes")
    for option, name in (("Added", "new"), ("Missing", "old"), ("Modified", "mod")):
        alone.add("Misc", f"Ignore{option}={tree}/{name}$")
    for name in ("old", "older", "mod", "modern"):
        (tree / name).write_text("1\n")
    begin(alone)
    for name in ("new", "newer", "mod", "modern"):
        (tree / name).write_text("22\n")
    for name in ("old", "older"):
        (tree / name).unlink()
    assert alone.check().returncode == 0
    for name in ("new", "old", "mod"):
        assert alone.count(path=str(tree / name)) == 0, name
    for name in ("newer", "older", "modern"):
        assert alone.count(path=str(tree / name)) == 1, name
    assert alone.count(path=str(tree)) == 0


def test_each_step_is_told_at_info_only(alone):
    (alone.tree / "d").mkdir()
    begin(alone)
    alone.set("Log", "PrintSeverity", "none")
    assert alone.check().returncode == 0
    assert alone.count(msg="Checking") == 0
    (alone.tree / "d" / "link").symlink_to("nowhere")
    alone.set("Log", "LogSeverity", "info")
    assert alone.check().returncode == 0
    assert alone.count(msg="Dangling link", path=str(alone.tree / "d" / "link"),
                       linked_path=str(alone.tree / "d" / "nowhere")) == 1
    assert alone.count(msg="Checking", path=str(alone.tree / "d")) == 1
    assert alone.count(msg="d:   3, -:   0, l:   0, |:   0, s:   0, c:   0, b:   0",
                       path=str(alone.tree)) == 1


def test_names_are_weird_by_the_rules_of_the_configuration(alone):
    strange = os.fsencode(alone.tree) + b"/\xc3\xa4"
    hidden = os.fsencode(alone.tree) + b"/exe\xe2\x80\xaetxt"
    for path in (strange, hidden):
        open(path, "w").close()
    begin(alone)
    assert alone.check().returncode == 0
    assert alone.count(msg="Weird filename") == 2
    alone.log.unlink()
    alone.set("Misc", "FilenamesAreUTF8", "yes")
    assert alone.check().returncode == 0
    assert alone.count(msg="Weird filename") == 1
