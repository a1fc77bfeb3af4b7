"""Lines of a check as administrators know them from the original, in the classic form, to the last comma.

What depends on the host (inodes, times) is a pattern; digests are SHA-256 where the original's are TIGER.
Two times within one second differ by their nanoseconds, which are shown then.
"""

import os
import re
import stat
import time

import pytest

from harness.daemons import Samhain

TIME = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{9})?\]"
TIMES = f"ctime_old=<{TIME}>, ctime_new=<{TIME}>, "
BOTH_TIMES = TIMES + f"mtime_old=<{TIME}>, mtime_new=<{TIME}>, "
ATTR = "attr_old=<------------>, attr_new=<------------>, "
DIGEST = "[0-9a-f]{64}"
NONE = "0" * 48
ACL = "acl_access:u::rw-,g::r--,o::r--"
INODES = r"inode_old=<\d+>, inode_new=<\d+>, "
DIGESTS = f"chksum_old=<{DIGEST}>, chksum_new=<{DIGEST}>, "


def every(suffix, mode, imode, size, digest, tail):
    """All fields of an object that came or went."""
    sizes = f"size_old=<0>, size_new=<{size}>" if suffix == "new" else f"size_old=<{size}>, size_new=<0>"
    return (f"mode_{suffix}=<{mode}>, attr_{suffix}=<------------>, imode_{suffix}=<{imode}>, "
            f"iattr_{suffix}=<\\d+>, hardlinks_{suffix}=<1>, idevice_{suffix}=<0>, "
            f"inode_{suffix}=<\\d+>, owner_{suffix}=<root>, iowner_{suffix}=<0>, "
            f"group_{suffix}=<root>, igroup_{suffix}=<0>, {sizes}, ctime_{suffix}=<{TIME}>, "
            f"atime_{suffix}=<{TIME}>, mtime_{suffix}=<{TIME}>, chksum_{suffix}=<{digest}>{tail}")


# name of the object -> what its line says behind the time stamp
LINES = {
    "content": r"msg=<POLICY \[ReadOnly\] C-------TS>, path=<PATH>, size_old=<4>, size_new=<5>, "
               + BOTH_TIMES + DIGESTS,
    "perm": r"msg=<POLICY \[ReadOnly\] -----M--T->, path=<PATH>, mode_old=<-rw-r--r-->, "
            r"mode_new=<-rw------->, " + ATTR + f"acl_old=<{ACL}>, "
            "acl_new=<acl_access:u::rw-,g::---,o::--->, " + TIMES,
    "suid": r"msg=<POLICY \[ReadOnly\] -----M--T->, path=<PATH>, mode_old=<-rw-r--r-->, "
            r"mode_new=<-rwsr-xr-x>, " + ATTR + f"acl_old=<{ACL}>, "
            "acl_new=<acl_access:u::rwx,g::r-x,o::r-x>, " + TIMES,
    "owner": r"msg=<POLICY \[ReadOnly\] ------UGT->, path=<PATH>, owner_old=<root>, "
             r"owner_new=<daemon>, iowner_old=<0>, iowner_new=<1>, group_old=<root>, "
             r"group_new=<daemon>, igroup_old=<0>, igroup_new=<1>, " + TIMES,
    "dev": r"msg=<POLICY \[ReadOnly\] --DI----T->, path=<PATH>, device_old=<10,200>, "
           r"device_new=<10,201>, " + INODES + BOTH_TIMES,
    "hard": r"msg=<POLICY \[ReadOnly\] ----H---T->, path=<PATH>, hardlinks_old=<1>, "
            r"hardlinks_new=<2>, " + TIMES,
    # The original reads the target's ACL through the link and therefore says M, too (docs/differences).
    "link": r"msg=<POLICY \[ReadOnly\] -L-I----TS>, path=<PATH>, " + INODES
            + "size_old=<7>, size_new=<4>, " + BOTH_TIMES
            + "link_old=<TREE/content>, link_new=<TREE/perm>, ",
    "tofile": r"msg=<POLICY \[ReadOnly\] CL-I-M--TS>, path=<PATH>, mode_old=<lrwxrwxrwx>, "
              r"mode_new=<-rw-r--r-->, " + ATTR + f"acl_old=<->, acl_new=<{ACL}>, " + INODES
              + "size_old=<7>, size_new=<11>, " + BOTH_TIMES
              + f"chksum_old=<{NONE}>, chksum_new=<{DIGEST}>, link_old=<TREE/content>, link_new=<->, ",
    "added file": "msg=<POLICY ADDED>, path=<PATH>, "
                  + every("new", "-rw-r--r--", 33188, 4, DIGEST, f", acl_new=<{ACL}> "),
    "gone": "msg=<POLICY MISSING>, path=<PATH>, "
            + every("old", "-rw-r--r--", 33188, 5, DIGEST, f", acl_old=<{ACL}> "),
    "grow2": r"msg=<POLICY \[GrowingLogs\] C--------S>, path=<PATH>, size_old=<9>, size_new=<3>, "
             + DIGESTS,
    "grow3": r"msg=<POLICY \[GrowingLogs\] C--------->, path=<PATH>, " + DIGESTS,
    "none": rf"msg=<POLICY \[IgnoreNone\] --------T->, path=<PATH>, atime_old=<{TIME}>, "
            rf"atime_new=<{TIME}>, ",
    'we ird\tn"m': "msg=<Weird filename>, path=<PATH>",
    "cfg": r"msg=<POLICY \[User1\] C-------TS>, path=<PATH>, size_old=<4000>, size_new=<4006>, "
           + BOTH_TIMES + DIGESTS + r"link_old=<[A-Za-z0-9()?]+>, link_new=<[A-Za-z0-9()?]+>, ",
    "nou": "msg=<No such user>, interface=<getpwuid>, userid=<54321>, path=<PATH>",
}


def make(tree):
    for name, text in {"content": "old\n", "perm": "a", "suid": "b", "owner": "c", "hard": "d",
                       "gone": "gone\n", "grow2": "123456789", "grow3": "123456789",
                       "none": "e", "cfg": "c" * 4000, "nou": "f"}.items():
        (tree / name).write_text(text)
        (tree / name).chmod(0o644)
    (tree / "link").symlink_to("content")
    (tree / "tofile").symlink_to("content")
    os.mknod(tree / "dev", 0o644 | stat.S_IFCHR, os.makedev(10, 200))
    os.chmod(tree / "dev", 0o644)
    past = time.time() - 100
    for path in tree.iterdir():
        os.utime(path, (past, past), follow_symlinks=False)


def change(tree):
    (tree / "content").write_text("more\n")
    (tree / "perm").chmod(0o600)
    (tree / "suid").chmod(0o4755)
    os.chown(tree / "owner", 1, 1)
    os.mknod(tree / "new", 0o644 | stat.S_IFCHR, os.makedev(10, 201))
    os.chmod(tree / "new", 0o644)
    (tree / "new").rename(tree / "dev")
    os.link(tree / "hard", tree.parent / "second name")
    (tree / "new").symlink_to("perm")
    (tree / "new").rename(tree / "link")
    (tree / "new").write_text("eleven byte")
    (tree / "new").chmod(0o644)
    (tree / "new").rename(tree / "tofile")
    (tree / "added file").write_text("new\n")
    (tree / "added file").chmod(0o644)
    (tree / "gone").unlink()
    (tree / "grow2").write_text("123")
    (tree / "grow3").write_text("x23456789 and more")
    os.utime(tree / "none", (time.time(), (tree / "none").stat().st_mtime))
    (tree / 'we ird\tn"m').write_text("g")
    (tree / "cfg").write_text("d" * 4006)
    os.chown(tree / "nou", 54321, 0)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The lines of one check after all changes."""
    samhain = Samhain(tmp_path_factory.mktemp("samples"), form="classic")
    tree = samhain.tree
    make(tree)
    samhain.settings.pop("ReadOnly")
    samhain.settings["Client"] = []
    samhain.set("Misc", "UseACLCheck", "yes")
    samhain.set("Misc", "RedefUser1", "+TXT")
    for section, names in {"GrowingLogFiles": ["grow2", "grow3"], "IgnoreNone": ["none"],
                           "User1": ["cfg"], "ReadOnly": []}.items():
        for name in names:
            samhain.add(section, f"file={tree}/{name}")
    samhain.add("ReadOnly", f"dir=9{tree}")
    samhain.write_config()
    assert samhain.call("-t", "init").returncode == 0
    change(tree)
    samhain.log.unlink()
    assert samhain.call("-t", "check").returncode == 0
    return tree, samhain.log.read_text(encoding="latin-1").splitlines()


def escaped(path):
    return "".join({"\t": "\\t", " ": "\\ ", '"': '\\"'}.get(c, c) for c in path)


@pytest.mark.parametrize("name", LINES)
def test_a_line_is_as_administrators_know_it(told, name):
    tree, lines = told
    path = escaped(str(tree / name))
    wanted = LINES[name].replace("PATH", re.escape(path)).replace("TREE", re.escape(str(tree)))
    stamp = r"CRIT   :  \[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}\] "
    about = [line for line in lines if f"path=<{path}>" in line and "POLICY" in line + LINES[name]]
    assert any(re.fullmatch(stamp + wanted, line) for line in lines), "\n".join(about)


def test_check_flags_stand_first_and_without_a_comma(told):
    folder = told[0].parent / "flags"
    folder.mkdir()
    samhain = Samhain(folder, form="classic")
    samhain.settings["Client"] = []
    samhain.set("Misc", "ReportCheckflags", "yes")
    samhain.set("EventSeverity", "SeverityReadOnly", "warn")
    samhain.write_config()
    assert samhain.call("-t", "init").returncode == 0
    (samhain.tree / "newl").symlink_to("f")
    samhain.log.unlink()
    assert samhain.call("-t", "check").returncode == 0
    lines = samhain.log.read_text(encoding="latin-1").splitlines()
    wanted = (r"WARN   :  \[[^\]]+\] msg=<POLICY ADDED>, path=<"
              + re.escape(str(samhain.tree / "newl")) + r">, checkflags_new=<0\d+> "
              + every("new", "lrwxrwxrwx", 41471, 1, NONE, "")
              + ", link_new=<" + re.escape(str(samhain.tree / "f")) + "> ")
    assert any(re.fullmatch(wanted, line) for line in lines), "\n".join(
        line for line in lines if "newl" in line)
