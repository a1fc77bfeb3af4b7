"""The main job: what changes on a watched host stands in the server's log."""

import os
import re
import time

import pytest

from harness.daemons import Samhain, Yule
from harness.waiting import wait_for
from harness.world import CLIENT1

SHORT = CLIENT1.split(".", maxsplit=1)[0]
ABSENT = "0" * 48


def make_tree(tree):
    for name in ("content", "mode", "owner", "removed", "target"):
        (tree / name).write_text(f"{name}\n")
    (tree / "link").symlink_to("target")
    # Times of the past, so that a change within this second still differs.
    for path in [*tree.iterdir(), tree]:
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)


def change_tree(tree):
    with open(tree / "content", "a", encoding="ascii") as file:
        file.write("more\n")
    (tree / "mode").chmod(0o4755)
    os.chown(tree / "owner", 1, 1)
    (tree / "added").write_text("new\n")
    (tree / "removed").unlink()
    (tree / "turned").symlink_to("content")
    (tree / "turned").rename(tree / "link")


def arrived(yule, path, msg):
    """The client's own line about `path`, from yule's log."""
    return next((line for line in yule.client_lines(SHORT)
                 if line.get("path") == str(path) and re.search(msg, line.msg)), None)


@pytest.mark.parametrize("form", ["guide", "classic"])
def test_six_changes_arrive_in_the_servers_log_with_their_codes_and_fields(folder, form):
    yule, samhain = Yule(folder, form), Samhain(folder, form=form)
    yule.register(CLIENT1)
    yule.start()
    make_tree(samhain.tree)
    samhain.init()
    samhain.start()
    begun = time.monotonic()
    change_tree(samhain.tree)

    def line(name, msg):
        return wait_for(f"{name}: {msg}", lambda: arrived(yule, samhain.tree / name, msg),
                        told=yule.told)

    content = line("content", r"^POLICY \[ReadOnly\] C-------TS$")
    mode = line("mode", r"^POLICY \[ReadOnly\] -----M--T-$")
    owner = line("owner", r"^POLICY \[ReadOnly\] ------UGT-$")
    added = line("added", r"^POLICY ADDED$")
    removed = line("removed", r"^POLICY MISSING$")
    link = line("link", r"^POLICY \[ReadOnly\] -L-I----TS$")
    print(f"six changes after {time.monotonic() - begun:.2f} s")

    assert {one.severity for one in (content, mode, owner, added, removed, link)} == {"CRIT"}
    times = ["ctime_old", "ctime_new"]
    assert content.keys == ["msg", "path", "size_old", "size_new", *times, "mtime_old",
                            "mtime_new", "chksum_old", "chksum_new"]
    assert (content.get("size_old"), content.get("size_new")) == ("8", "13")
    assert content.get("mtime_old").strip("[]") == "2020-09-13T12:26:40"
    assert re.fullmatch("[0-9a-f]{64}", content.get("chksum_new"))
    assert mode.keys == ["msg", "path", "mode_old", "mode_new", "attr_old", "attr_new", *times]
    assert (mode.get("mode_old"), mode.get("mode_new")) == ("-rw-r--r--", "-rwsr-xr-x")
    assert owner.keys == ["msg", "path", "owner_old", "owner_new", "iowner_old", "iowner_new",
                          "group_old", "group_new", "igroup_old", "igroup_new", *times]
    assert (owner.get("owner_old"), owner.get("owner_new")) == ("root", "daemon")
    assert (owner.get("iowner_new"), owner.get("igroup_new")) == ("1", "1")
    assert added.keys == [
        "msg", "path", "mode_new", "attr_new", "imode_new", "iattr_new", "hardlinks_new",
        "idevice_new", "inode_new", "owner_new", "iowner_new", "group_new", "igroup_new",
        "size_old", "size_new", "ctime_new", "atime_new", "mtime_new", "chksum_new"]
    assert added.get("imode_new") == str(0o100644)
    assert (added.get("size_old"), added.get("size_new")) == ("0", "4")
    assert removed.keys == [key.replace("_new", "_old") if key not in ("size_old", "size_new")
                            else key for key in added.keys]
    assert (removed.get("size_old"), removed.get("size_new")) == ("8", "0")
    assert link.get("link_old") == str(samhain.tree / "target")
    assert link.get("link_new") == str(samhain.tree / "content")
    assert "chksum_old" not in link.keys

    # What the server has is what the client wrote itself, to the byte.
    own = next(one for one in samhain.log_lines()
               if one.get("path") == str(samhain.tree / "content") and "POLICY" in one.msg)
    assert own.fields == content.fields
    assert own.time == content.time
    wrapped = next(one for one in yule.log_lines()
                   if one.inner and one.inner.get("path") == str(samhain.tree / "content"))
    assert wrapped.raw.startswith("<TCP>  :  [")
    if form == "classic":
        assert own.raw.endswith(">, ")
        assert f" client=<{SHORT}>, msg=<{own.raw}>" in wrapped.raw
    else:
        assert f' client="{SHORT}" msg="' in wrapped.raw
        assert wrapped.msg == own.raw

    assert samhain.stop() == 0
    yule.wait_line(inner=True, client=SHORT, msg="EXIT", program="Samhain", status="Terminated")


def test_a_symlink_that_becomes_a_file_is_told_with_type_target_and_checksum(yule, samhain):
    (samhain.tree / "target").write_text("x\n")
    (samhain.tree / "link").symlink_to("target")
    yule.start()
    samhain.init()
    samhain.start()
    (samhain.tree / "link").unlink()
    (samhain.tree / "link").write_text("now a file\n")
    line = wait_for("the line", lambda: arrived(yule, samhain.tree / "link", "POLICY"),
                    told=yule.told)
    assert re.match(r"POLICY \[ReadOnly\] CL-.-M--TS", line.msg)
    assert line.get("chksum_old") == ABSENT
    assert line.get("link_new") == "-"


def test_what_did_not_change_is_not_told(yule, samhain):
    make_tree(samhain.tree)
    yule.start()
    samhain.init()
    samhain.start()
    samhain.wait_checks(3)
    assert [one.msg for one in yule.client_lines() if "POLICY" in one.msg] == []


def test_a_one_off_check_exits_with_0_in_spite_of_findings_and_tells_the_server(yule, samhain):
    make_tree(samhain.tree)
    yule.start()
    samhain.init()
    change_tree(samhain.tree)
    done = samhain.check()
    assert done.returncode == 0, done.stderr
    yule.wait_line(inner=True, msg="POLICY MISSING")
    yule.wait_line(inner=True, msg="EXIT", program="Samhain")


def test_a_wrapped_line_can_be_read_by_any_parser_of_key_and_quoted_value(yule, samhain):
    """The guide's notation: what is inside is escaped once more, so that unescaping gives it back."""
    (samhain.tree / 'quo"te\\').write_text("1\n")
    yule.start()
    samhain.init()
    samhain.start()
    (samhain.tree / 'quo"te\\').write_text("22\n")
    line = wait_for("the line", lambda: arrived(yule, samhain.tree / 'quo"te\\', "POLICY"),
                    told=yule.told)
    assert line.get("path") == str(samhain.tree / 'quo"te\\')
