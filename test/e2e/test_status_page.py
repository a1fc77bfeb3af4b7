"""The status page and the client table: files of the server beside its log."""

import os
import re
import signal
import stat
from html.parser import HTMLParser

from harness import daemons, processes
from harness.daemons import PASSWORD, text_of
from harness.protocol3 import Peer, body
from harness.waiting import stays, wait_for
from harness.world import CLIENT1, CLIENT2

START, STAMP, EVENT, PANIC = 11, 7, 10, 2
VOID = {"meta", "br", "link", "img", "hr", "input", "wbr"}


class Page(HTMLParser):
    """Fails where tags do not match; keeps the comments and the rows."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.comments, self.rows, self.tags = [], [], [], set()
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_comment(self, data):
        self.comments.append(data)

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def page_path(yule):
    return yule.log.parent / "yule.html"


def statuses(yule):
    found = re.findall(r"^<!-- \n\[STATUS:\] (\S+) (\w+) \[([0-9T:+-]+)\]\n -->$",
                       text_of(page_path(yule)), re.M)
    return {host: state for host, state, _ in found}


def wait_status(yule, state, host=CLIENT1):
    return wait_for(f"{state} on the page", lambda: statuses(yule).get(host) == state,
                    told=lambda: text_of(page_path(yule))[-1500:])


def client(yule, **more):
    return Peer(CLIENT1, yule.port, PASSWORD, **more)


def test_h4_the_page_shows_each_state_with_the_word_that_scripts_know(yule):
    yule.register(CLIENT2)
    yule.start()
    wait_status(yule, "Inactive")
    facts = page_path(yule).stat()
    assert stat.S_IMODE(facts.st_mode) == 0o640
    assert facts.st_uid == daemons.server_identity().pw_uid
    with client(yule) as peer:
        peer.authenticate()
        wait_status(yule, "Started")
        said = [(b"POLICY ADDED", EVENT, "POLICY"), (b"File check completed.", STAMP, "Filecheck"),
                (b"PANIC - File not accessible", PANIC, "PANIC"), (b"EXIT", STAMP, "Message"),
                (b"SUSPEND", START, "Suspended"), (b"EXIT", START, "Exited")]
        for seq, (msg, event_class, state) in enumerate(said):
            peer.report(seq, body(msg, event_class=event_class))
            wait_status(yule, state)
    page = Page(text_of(page_path(yule)))
    assert "script" not in page.tags and "Report" in page.text
    mine = next(i for i, row in enumerate(page.rows) if row[0] == CLIENT1)
    events = [row[1] for row in page.rows[mine:mine + 8]]
    assert events == ["Exited", "Suspended", "Message", "PANIC", "Filecheck", "POLICY", "Started",
                      "Inactive"]
    assert [row[0] for row in page.rows[mine + 1:mine + 8]] == [""] * 7
    assert statuses(yule)[CLIENT2] == "Inactive"


def test_a_report_about_a_file_named_exit_ends_nothing(yule):
    """F26"""
    yule.start()
    with client(yule) as peer:
        peer.authenticate()
        peer.report(0, body(b"POLICY ADDED", fields=[(b"path", b"/tmp/EXIT PANIC SUSPEND")]))
        wait_status(yule, "POLICY")
        peer.report(1, body(b"POLICY ADDED", fields=[(b"path", b"x")]))


def test_nothing_that_a_stranger_sends_gets_onto_the_page_as_markup(yule):
    yule.start()
    with Peer("<script>x--></script>", yule.port, PASSWORD) as peer:
        peer.greet()
    with client(yule) as peer:
        peer.authenticate()
        peer.report(0, body(b"--><script>alert(1)</script>", event_class=EVENT))
        wait_status(yule, "Message")
    page = Page(text_of(page_path(yule)))
    assert "script" not in page.tags
    assert len(page.comments) == 1


def test_the_page_is_emptied_at_the_end(yule):
    yule.start()
    wait_status(yule, "Inactive")
    assert yule.stop() == 0
    page = Page(text_of(page_path(yule)))
    assert page.rows == [] and page.comments == []
    assert "not running" in page.text


def test_set_html_file_moves_it_or_does_without(yule, folder):
    other = folder / "www"
    other.mkdir()
    os.chown(other, *yule.identity_ids())
    yule.set("Server", "SetHtmlFile", other / "page.html")
    yule.start()
    wait_for("the page", (other / "page.html").exists)
    yule.set("Server", "SetHtmlFile", "none")
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    assert yule.stop() == 0
    assert "[STATUS:]" in text_of(other / "page.html"), "left as it was"
    assert not page_path(yule).exists()


def test_a_page_that_cannot_be_written_is_told_once_and_when_it_works_again(yule, folder):
    www = folder / "www"
    www.mkdir()
    yule.set("Server", "SetHtmlFile", www / "page.html")
    yule.start()
    yule.wait_line(severity="ERROR", msg="Error writing HTML status")
    yule.wait_line(severity="ERROR", msg="File not accessible", path=str(www / "page.html"))
    for _ in range(2):  # something new each time
        with client(yule) as peer:
            peer.authenticate()
    stays("silent", lambda: yule.count(msg="Error writing HTML status") == 1, 4.5)
    os.chown(www, *yule.identity_ids())
    yule.wait_line(msg="File is written again", path=str(www / "page.html"))
    assert "[STATUS:]" in text_of(www / "page.html")
    assert sorted(p.name for p in www.iterdir()) == ["page.html"]


def test_templates_take_the_place_of_the_default(yule, folder):
    data = folder / "data"
    data.mkdir()
    (data / "head.html").write_text("<h1>%T %S %L %O %A %M 5% %Q</h1><ul>\n")
    (data / "entry.html").write_text("<li>%H=%S=%T</li>\n")
    (data / "foot.html").write_text("</ul>\n")
    yule.set("Server", "SetDataDirectory", data)
    yule.start()
    wait_status(yule, "Inactive")
    text = text_of(page_path(yule))
    Page(text)
    when = r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d"
    assert re.match(rf"<h1>{when} {when} \(None\) 0 0 \d+ 5%% ?</h1><ul>\n", text.replace(
        "5%%", "5%% ")), text
    assert f"<li>{CLIENT1}=Inactive=" in text

    (data / "entry.html").write_text("x" * 5000)
    (data / "foot.html").unlink()
    os.mkfifo(data / "foot.html")
    with client(yule) as peer:
        peer.authenticate()
    for name in ("entry.html", "foot.html"):
        line = yule.wait_line(severity="WARN", path=str(data / name))
        assert line.msg == "Template not usable, the built-in one is used"
    wait_status(yule, "Started")


# --- the table of clients ----------------------------------------------------------------------------


def table_path(yule):
    return yule.log.with_name(yule.log.name + ".clients")


def restart(yule, kill=False):
    if kill:
        yule.kill()
    else:
        assert yule.stop() == 0
    yule.start()


def test_a_client_that_was_up_is_neither_new_nor_illegal_after_a_restart(yule):
    """F17"""
    yule.start()
    peer = client(yule).connect()
    peer.authenticate()
    peer.report(0, body(b"POLICY ADDED"))
    peer.close()
    restart(yule)
    with client(yule, instance=peer.instance, spool=peer.spool) as again:
        again.authenticate()
        assert again.next_seq == 1
    yule.wait_line(msg="Force authentication", client=CLIENT1)
    assert yule.count(msg="NEW CLIENT") == 1
    assert yule.count(msg="Restart without prior exit") == 0
    wait_status(yule, "POLICY")
    # A process that takes its place without a word is told of.
    with client(yule) as other:
        other.authenticate()
    yule.wait_line(severity="CRIT", msg="Restart without prior exit", client=CLIENT1)


def test_exited_and_suspended_clients_are_so_after_a_restart(yule):
    yule.register(CLIENT2)
    yule.start()
    with client(yule) as peer:
        peer.authenticate()
        peer.report(0, body(b"EXIT", event_class=START))
    with Peer(CLIENT2, yule.port, PASSWORD) as second:
        second.authenticate()
        second.report(0, body(b"SUSPEND", event_class=START))
    restart(yule)
    wait_for("both", lambda: statuses(yule) == {CLIENT1: "Exited", CLIENT2: "Suspended"})
    with client(yule) as peer:
        peer.authenticate()
    wait_for("NEW CLIENT", lambda: yule.count(msg="NEW CLIENT", client=CLIENT1) == 2)
    # Beside the suspended one there may be another.
    with Peer(CLIENT2, yule.port, PASSWORD) as beside:
        beside.authenticate()
        beside.report(0, body(b"START", event_class=START))
        beside.report(1, body(b"EXIT", event_class=START))
    wait_status(yule, "Suspended", CLIENT2)
    assert yule.count(msg="Restart without prior exit") == 0


def test_a_killed_server_knows_its_clients_too(yule):
    yule.start()
    with client(yule) as peer:
        peer.authenticate()
        peer.report(0, body(b"EXIT", event_class=START))
    def is_kept():
        kept = table_path(yule)
        return kept.exists() and b"\x07\x00" in kept.read_bytes()[:80]
    wait_for("the table", is_kept)
    restart(yule, kill=True)
    wait_status(yule, "Exited")


def test_a_silent_client_is_told_of_once_also_across_restarts(yule):
    """F18, F19, F20"""
    yule.set("Server", "SetClientTimeLimit", 1)
    yule.start()
    peer = client(yule).connect()
    peer.authenticate()
    yule.wait_line(severity="CRIT", msg="Time limit exceeded", client=CLIENT1)
    wait_status(yule, "TIMEOUT_EXCEEDED")
    restart(yule)
    wait_status(yule, "TIMEOUT_EXCEEDED")
    stays("no second alarm", lambda: yule.count(msg="Time limit exceeded") == 1, 4.5)
    again = client(yule, instance=peer.instance, spool=peer.spool).connect()
    again.authenticate()
    again.report(0, body(b"x", event_class=STAMP))
    wait_for("a second", lambda: yule.count(msg="Time limit exceeded") == 2)
    again.report(1, body(b"EXIT", event_class=START))
    stays("nothing of one that ended", lambda: yule.count(msg="Time limit exceeded") == 2, 4.5)


def test_the_exit_that_lies_in_the_spool_comes_before_the_verdict(yule):
    """F15, and F12 where there is none"""
    yule.start()
    peer = client(yule).connect()
    peer.authenticate()
    peer.close()
    with client(yule, spool=peer.spool) as second:
        second.authenticate()
        second.report(0, body(b"EXIT", event_class=START))
        second.report(1, body(b"START", event_class=START))
    wait_for("NEW CLIENT", lambda: yule.count(msg="NEW CLIENT") == 2)
    assert yule.count(msg="Restart without prior exit") == 0
    with client(yule, spool=peer.spool) as third:
        third.authenticate()
        third.report(2, body(b"START", event_class=START))
    yule.wait_line(severity="CRIT", msg="Restart without prior exit", client=CLIENT1)


def test_damaged_tables_cost_a_warning_each_and_no_start(yule):
    yule.start()
    with client(yule) as peer:
        peer.authenticate()
    assert yule.stop() == 0
    good = table_path(yule).read_bytes()
    for number, damaged in enumerate((b"", good[:-1], good[:40] + b"\xff" + good[41:],
                                      good.replace(b"clients 1", b"clients 2"),
                                      os.urandom(1000)), 1):
        table_path(yule).write_bytes(damaged)
        os.chown(table_path(yule), *yule.identity_ids())
        yule.start()
        assert yule.count(severity="WARN",
                          msg="Client table not usable, a new one is begun") == number
        wait_status(yule, "Inactive")
        assert yule.stop() == 0
    table_path(yule).unlink()
    os.mkfifo(table_path(yule))
    yule.start()
    assert yule.count(msg="Client table not usable, a new one is begun") == 6
    assert yule.stop() == 0
    assert stat.S_ISREG(table_path(yule).stat().st_mode)


def test_a_server_that_writes_ends_at_once_and_leaves_nothing_half(yule):
    yule.start()
    with client(yule) as peer:
        peer.authenticate()
        yule.signal(signal.SIGTERM)
        assert yule.wait_end() == 0
    wait_for("no child", lambda: not processes.children_of(yule.pid))
    names = {p.name for p in yule.log.parent.iterdir()}
    assert {"yule.html", yule.log.name, table_path(yule).name} <= names
    assert not [name for name in names if re.search(r"\.(html|clients)\.", name)]
