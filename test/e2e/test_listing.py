"""The baseline in other people's hands: listings, verification, and databases of samhain 3 and 4."""

import base64
import csv
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import zlib

import pytest

from harness import daemons
from harness.daemons import Samhain, run

NONE = "0" * 48
TIGER, SHA1, MD5, SHA256 = 0x01000000, 0x02000000, 0x03000000, 0x04000000
READ_ONLY = 0xF7F


@pytest.fixture
def alone(folder):
    """An agent without a server, and a tree with one of each."""
    agent = Samhain(folder)
    agent.settings.pop("Client")
    agent.set("Log", "ExportSeverity", "none")
    tree = agent.tree
    (tree / "text").write_text("some text\n")
    (tree / "sub").mkdir()
    (tree / "sub" / 'f i"le').write_text("2\n")
    (tree / "link").symlink_to("text")
    os.mkfifo(tree / "fifo")
    with open(bytes(tree) + b"/lat\xe9", "w", encoding="ascii") as file:
        file.write("x")
    return agent


def listing(agent, *arguments):
    done = run(daemons.SAMHAIN, *arguments, "-d", agent.baseline)
    assert done.returncode == 0, done.stderr
    return done.stdout


def findings(agent, *arguments):
    done = agent.check("-p", "crit", "-l", "none", *arguments)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.split("\n") if "POLICY" in line]


# --- listings ---


def test_json_has_every_object_exactly(alone):
    alone.init()
    objects = [json.loads(line) for line in listing(alone, "--json").splitlines()]
    by_path = {one.get("path", one.get("path_base64")): one for one in objects}
    text = by_path[str(alone.tree / "text")]
    facts = os.stat(alone.tree / "text")
    assert text["digest"] == {"algorithm": "SHA256",
                              "hex": hashlib.sha256(b"some text\n").hexdigest()}
    assert (text["mode"], text["inode"], text["size"]) == (facts.st_mode, facts.st_ino, 10)
    assert text["mtime"]["seconds"] * 10**9 + text["mtime"]["nanoseconds"] == facts.st_mtime_ns
    assert text["policy"] == "ReadOnly" and text["imported"] is False
    assert by_path[str(alone.tree / "link")]["target"] == "text"
    assert str(alone.tree / "sub" / 'f i"le') in by_path
    raw = [base64.b64decode(one["path_base64"]) for one in objects if "path_base64" in one]
    assert raw == [bytes(alone.tree) + b"/lat\xe9"]
    assert len(objects) == 7


def test_delimited_lines_are_csv_and_a_filter_restricts_them(alone, folder):
    alone.init()
    rows = list(csv.reader(io.StringIO(listing(alone, "--delimited")), skipinitialspace=True))
    assert {len(row) for row in rows} == {18, 19}
    assert [row[17] for row in rows if len(row) == 19] == ["text"]
    assert any(row[16] == str(alone.tree / "sub" / 'f\\ i\\"le') for row in rows)
    wanted = folder / "filter"
    wanted.write_text(f"{alone.tree}/text\n{alone.tree}/nothing\n")
    done = run(daemons.SAMHAIN, "-d", alone.baseline, "-a", f"--list-filter={wanted}")
    assert len(done.stdout.splitlines()) == 1 and f"{alone.tree}/text" in done.stdout
    assert run(daemons.SAMHAIN, "-d", alone.baseline, "--list-filter=/nonexistent").returncode == 1


def test_a_subset_is_a_baseline_of_its_own(alone, folder):
    alone.init()
    wanted, subset = folder / "filter", alone.state / "subset"
    wanted.write_text(f"{alone.tree}/text\n")
    listing(alone, "--binary", "-o", subset, f"--list-filter={wanted}")
    listed = run(daemons.SAMHAIN, "-d", subset)
    assert listed.returncode == 0 and listed.stdout.count("\n") == 1
    assert stat.S_IMODE(subset.stat().st_mode) & 0o077 == 0
    assert run(daemons.SAMHAIN, f"--verify-database={subset}").returncode == 0
    # On standard output it has the key of the listed one.
    streamed = alone.state / "streamed"
    with open(streamed, "wb") as out:
        subprocess.run([daemons.SAMHAIN, "--binary", "-d", alone.baseline], stdout=out, check=True,
                       timeout=60)
    shutil.copy(f"{alone.baseline}.key", f"{streamed}.key")
    assert listing(alone) == run(daemons.SAMHAIN, "-d", streamed).stdout


def test_two_inits_do_not_write_at_once(alone):
    alone.write_config()
    with open(f"{alone.baseline}.new", "wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = alone.call("-t", "init")
    assert done.returncode == 1
    assert f'msg="Failed to lock baseline database" subroutine="init" path="{alone.baseline}"' in \
        done.stderr


def test_kept_content_is_listed(alone):
    alone.init()
    done = {name: run(daemons.SAMHAIN, f"--list-file={alone.tree}/{name}", "-d", alone.baseline)
            for name in ("text", "link", "none")}
    assert {one.returncode for one in done.values()} == {1}
    assert done["text"].stderr == "Error: No data available\nError listing file content\n"
    assert done["link"].stderr == "File is a link\n"
    assert done["none"].stderr == "File not found.\n"


def test_what_cannot_be_listed_is_said(folder):
    missing = run(daemons.SAMHAIN, "-d", folder / "missing")
    assert missing.returncode == 1
    assert f"ERROR: can't open {folder}/missing for read (errnum = 2)" in missing.stderr
    bad = folder / "bad"
    bad.write_bytes(b"no baseline")
    done = run(daemons.SAMHAIN, "-d", bad)
    assert done.returncode == 1
    assert "PANIC - No data in file" in done.stderr
    assert f"ERROR: can't find start marker in {bad}" in done.stderr


# --- verification ---


def test_a_baseline_is_verified_without_a_configuration(alone):
    (alone.tree / "ignored").write_text("1\n")
    alone.add("IgnoreAll", f"file={alone.tree}/ignored")
    alone.init()
    alone.config.unlink()
    (alone.tree / "ignored").write_text("changed\n")
    verify = ("-p", "crit", f"--verify-database={alone.baseline}")
    clean = run(daemons.SAMHAIN, *verify)
    assert (clean.returncode, clean.stderr) == (0, "")
    (alone.tree / "text").write_text("other text\n")
    (alone.tree / "sub" / 'f i"le').unlink()
    (alone.tree / "sub").rmdir()
    done = run(daemons.SAMHAIN, *verify)
    assert done.returncode == 1
    assert re.search(r"POLICY \[ReadOnly\] C-------TS.*text", done.stderr)
    assert done.stderr.count("POLICY MISSING") == 2
    silent = run(daemons.SAMHAIN, "-p", "none", f"--verify-database={alone.baseline}")
    assert (silent.returncode, silent.stderr) == (1, "")
    assert run(daemons.SAMHAIN, "--verify-database=/nonexistent").returncode == 1


# --- databases of the original ---


def quoted(path):
    return path.replace(b"=", b"=3D").replace(b"\n", b"=0A")


def base64ish(data):
    return base64.b64encode(data).translate(bytes.maketrans(b"+/=", b"()?"))


def checksum(path, kind):
    if not path.is_file() or path.is_symlink():
        return NONE.encode()
    data = path.read_bytes()
    if kind == SHA256:
        return base64ish(hashlib.sha256(data).digest())
    name = {SHA1: "sha1", MD5: "md5"}.get(kind)
    digits = hashlib.new(name, data).hexdigest().upper() if name else "A1" * 24
    return digits.ljust(48, "0").encode()


def record(path, kind=SHA256, mark=22, content=None, attributes=None):
    """As samhain 3.2 to 4.5 wrote it; with mark 21 as those before."""
    facts = path.lstat()
    link = b"-"
    if path.is_symlink():
        link = bytes(path.parent / os.readlink(path))
    if content is not None:
        link = base64ish(zlib.compress(content))
    if attributes is not None:
        mark |= 0x100
    made = struct.pack(
        "<IIQQIIQQQQIII16sH22s22s11s49s", facts.st_mode, 0, facts.st_dev, facts.st_rdev,
        facts.st_nlink, facts.st_ino & 0xFFFFFFFF, facts.st_size, int(facts.st_atime),
        int(facts.st_mtime), int(facts.st_ctime), facts.st_uid, facts.st_gid, 0, b"-" * 12, mark,
        b"root", b"root", b"", checksum(path, kind))
    made += b"\0\0"
    if mark & 0xFF == 22:
        made += struct.pack("<II", 0xD0000000 | kind | READ_ONLY, 0)
    lines = [quoted(bytes(path)), quoted(link)] + ([attributes] if attributes is not None else [])
    return made + b"".join(line + b"\n" for line in lines)


def null_record(path):
    return (struct.pack("<IIQQIIQQQQIII16sH22s22s11s49s", 0, 0, 0, 0, 65535, 0, *[0] * 7, b"", 22,
                        b"", b"", b"", NONE.encode()) + b"\0\0" + b"\0" * 8 + path + b"\n-\n")


def everything(tree):
    return [tree, *sorted(tree.rglob("*"))]


def database(alone, *parts):
    """The parts, each after a start of its own, in a file beside the baseline."""
    old = alone.state / "old_file"
    old.write_bytes(b"".join(b"\n[SOF]\n" + part for part in parts))
    old.chmod(0o640)
    return old


def imported(alone, old):
    alone.write_config()
    return alone.call(f"--import-database={old}")


@pytest.mark.parametrize("kind", [SHA256, SHA1, MD5])
def test_an_imported_host_keeps_its_trust(alone, kind):
    old = database(alone, b"".join(record(one, kind) for one in everything(alone.tree)))
    done = imported(alone, old)
    assert done.returncode == 0, done.stderr
    assert "Signature database imported" in done.stderr and "TIGER" not in done.stderr
    assert findings(alone) == []
    # The content is compared, behind the back of all times.
    path = alone.tree / "text"
    facts = path.stat()
    path.write_text("same size\n")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (alone.tree / "link").unlink()
    (alone.tree / "link").symlink_to("elsewhere")
    (alone.tree / "new").write_text("n")
    lines = findings(alone)
    assert any(re.search(r"\[ReadOnly\] C.*/text", line) for line in lines)
    assert any(re.search(r"\[ReadOnly\] -L.*/link", line) for line in lines)
    assert any(re.search(r"ADDED.*/new", line) for line in lines)


def test_tiger_digests_are_not_compared_and_that_is_said(alone):
    old = database(alone, b"".join(record(one, TIGER) for one in everything(alone.tree)))
    done = imported(alone, old)
    assert done.returncode == 0 and "TIGER192" in done.stderr and "-t update" in done.stderr
    checked = alone.check("-p", "warn", "-l", "none")
    assert "POLICY" not in checked.stderr and checked.stderr.count("TIGER192") == 1
    (alone.tree / "text").write_text("larger than before\n")
    # Within the second that the old database knows, the time does not differ.
    assert any(re.search(r"\[ReadOnly\] -{8}.S.*/text", line) for line in findings(alone))


def test_every_oddity_of_the_old_format_is_taken(alone):
    weird = alone.tree / "a\nb=c"
    weird.write_text("w")
    old_part = record(alone.tree, mark=21).replace(b"root", b"old!", 1)
    parts = [record(one, mark=21) for one in everything(alone.tree)]
    parts[everything(alone.tree).index(alone.tree / "text")] = record(
        alone.tree / "text", content=b"some text\n", attributes=b"acl_access:u::rw-,g::r--,o::r--")
    module = record(alone.tree / "text").replace(bytes(alone.tree / "text"), b"K_mod_key")
    cut = record(alone.tree / "text")[:-5]
    old = database(alone, old_part, b"".join(parts) + module + null_record(b"/gone") + cut)
    done = imported(alone, old)
    assert done.returncode == 0, done.stderr
    assert "ends within a record" in done.stderr
    assert re.search('absent="1" skipped="1"', done.stderr)
    assert findings(alone) == []
    assert listing(alone, f"--list-file={alone.tree}/text") == "some text\n"
    assert "old!" not in listing(alone)
    assert any(json.loads(line)["imported"] for line in listing(alone, "--json").splitlines())


def test_the_old_database_stays_where_the_baseline_takes_its_place(alone):
    alone.baseline.write_bytes(b"\n[SOF]\n" + record(alone.tree / "text"))
    before = alone.baseline.read_bytes()
    listed = run(daemons.SAMHAIN, "-d", alone.baseline)
    assert listed.returncode == 1 and "--import-database=" in listed.stderr
    assert imported(alone, alone.baseline).returncode == 0
    assert (alone.state / "samhain_file.original").read_bytes() == before
    assert "/text" in listing(alone)
    # A baseline is not replaced.
    again = imported(alone, alone.state / "samhain_file.original")
    assert again.returncode == 1 and "there already" in again.stderr


def test_what_cannot_be_trusted_or_read_is_not_imported(alone):
    good = record(alone.tree / "text")
    for content, word in ((b"no database", "no start marker"),
                          (b"\n[SOF]\n" + good[:92] + b"\x63" + good[93:], "version 99"),):
        old = alone.state / "old_file"
        old.write_bytes(content)
        done = imported(alone, old)
        assert done.returncode == 1 and word in done.stderr, done.stderr
    old = database(alone, good)
    old.chmod(0o666)
    done = imported(alone, old)
    assert done.returncode == 1 and "World writeable" in done.stderr
    assert imported(alone, "/nonexistent").returncode == 1
    assert not alone.baseline.exists()
