"""SetServerCertificate, SetServerKey, SetServerCA: a site's own certificate, and a client that asks for it."""

import os
import re
import subprocess

import pytest

from harness.waiting import wait_for
from harness.world import SERVER


class Authority:
    """A certificate authority of openssl(1), and what it signed."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.certificate = folder / f"{name}.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", self.certificate)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)

    def sign(self, host, as_user):
        """(certificate, key) for `host`, readable for the server's user."""
        stem = self.folder / f"{self.name}-{host}"
        key, request, certificate = (f"{stem}.{end}" for end in ("key", "csr", "crt"))
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                      f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey",
                      self.folder / f"{self.name}.key", "-copy_extensions", "copyall", "-out", certificate)
        os.chmod(key, 0o600)
        os.chown(key, *as_user)
        return certificate, key


@pytest.fixture
def authority(folder):
    return Authority(folder, "first")


def show(yule, pair):
    for key, value in zip(("SetServerCertificate", "SetServerKey"), pair):
        yule.set("Server", key, value)


def change(samhain):
    (samhain.tree / "new").write_text("x")


def test_a_client_believes_the_certificate_of_its_authority(yule, samhain, authority):
    show(yule, authority.sign(SERVER, yule.identity_ids()))
    samhain.set("Client", "SetServerCA", authority.certificate)
    yule.start()
    samhain.init()
    samhain.start()
    change(samhain)
    yule.wait_line(inner=True, msg="POLICY ADDED")


@pytest.mark.parametrize("how", ["self-made", "another authority", "another name"])
def test_a_client_sends_nothing_to_a_server_that_nobody_vouches_for(yule, samhain, folder, authority, how):
    if how == "another authority":
        show(yule, Authority(folder, "second").sign(SERVER, yule.identity_ids()))
    if how == "another name":
        show(yule, authority.sign("other.example.test", yule.identity_ids()))
    samhain.set("Client", "SetServerCA", authority.certificate)
    yule.start()
    samhain.init()
    samhain.start()
    change(samhain)
    samhain.wait_line(msg=re.compile("server's certificate"))
    assert not yule.count(msg=re.compile("NEW CLIENT"))
    assert not yule.client_lines("client1")


def test_a_renewed_certificate_is_shown_after_a_reload(yule, samhain, folder, authority):
    show(yule, Authority(folder, "second").sign(SERVER, yule.identity_ids()))
    samhain.set("Client", "SetServerCA", authority.certificate)
    yule.start()
    samhain.init()
    samhain.start()
    change(samhain)
    samhain.wait_line(msg=re.compile("server's certificate"))
    show(yule, authority.sign(SERVER, yule.identity_ids()))
    yule.reload()
    yule.wait_line(inner=True, msg="POLICY ADDED")


def test_a_certificate_that_will_not_do_leaves_the_old_one(yule, folder, authority):
    certificate, key = authority.sign(SERVER, yule.identity_ids())
    show(yule, (certificate, key))
    yule.start()
    os.chmod(key, 0o644)
    yule.reload()
    yule.wait_line(msg="Old certificate stays", reason=re.compile("chmod 600"))


@pytest.mark.parametrize("wrong", ["missing", "of another certificate", "no key at all", "for all to read"])
def test_a_key_that_will_not_do_is_named_and_nothing_starts(yule, folder, authority, wrong):
    certificate, key = authority.sign(SERVER, yule.identity_ids())
    if wrong == "missing":
        os.unlink(key)
    elif wrong == "of another certificate":
        _, key = authority.sign("other.example.test", yule.identity_ids())
    elif wrong == "no key at all":
        key = certificate
        os.chmod(key, 0o600)
    else:
        os.chmod(key, 0o644)
    show(yule, (certificate, key))
    yule.write_config()
    ended = yule.call("--foreground")
    assert ended.returncode == 1
    assert re.search("SetServer(Key|Certificate)", ended.stderr), ended.stderr


def test_authorities_that_are_none_are_named(yule, samhain, folder):
    nonsense = folder / "nonsense.pem"
    nonsense.write_text("nothing\n")
    samhain.set("Client", "SetServerCA", nonsense)
    yule.start()
    samhain.init()
    samhain.start()
    samhain.wait_line(msg="Service failure", service="log server", reason=re.compile("SetServerCA.*PEM"))
    wait_for("no connection", lambda: not yule.count(msg="New connection"), 1)
