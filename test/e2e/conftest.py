"""Real binaries in a world of their own.  SAMHAIN_BUILD names the build directory."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from harness import daemons, guide, processes, world  # noqa: E402

IS_ROOT = os.geteuid() == 0


def pytest_configure(config):
    # An end from outside tidies up as ^C does; in the background a shell leaves SIGINT ignored.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "anybody: needs no root and no world of its own")
    if IS_ROOT:
        try:
            config.samhain_world = world.enter()
        except OSError as error:
            pytest.exit(f"no private namespaces ({error}): run this as root of a machine of its own, "
                        "or in a privileged container", 2)


def pytest_unconfigure(config):
    folder = getattr(config, "samhain_world", None)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_modifyitems(items):
    for item in items:
        if not IS_ROOT and item.get_closest_marker("anybody") is None:
            item.add_marker(pytest.mark.skip(reason="needs root: private namespaces, other users"))


def pytest_report_header():
    return f"samhain: binaries of {daemons.BUILD}"


@pytest.fixture(scope="session", autouse=True)
def binaries():
    missing = [p for p in (daemons.YULE, daemons.SAMHAIN, daemons.YULECTL, daemons.SETPWD)
               if not os.access(p, os.X_OK)]
    if missing:
        pytest.exit(f"not built: {', '.join(missing)}; name the build directory in SAMHAIN_BUILD", 2)


@pytest.fixture
def folder(request):
    """A directory that unprivileged processes reach too; whatever still runs afterwards is ended."""
    path = Path(tempfile.mkdtemp(prefix="samhain-e2e-"))
    path.chmod(0o755)
    yield path
    if IS_ROOT:
        processes.end_all_children()
    if getattr(request.node, "has_failed", False) and os.environ.get("SAMHAIN_KEEP"):
        print(f"kept: {path}")
        return
    shutil.rmtree(path, ignore_errors=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    if outcome.get_result().failed:
        item.has_failed = True


def in_the_forms_of(request, daemon):
    """The tests of the troubleshooting guide look at both forms."""
    is_guide = request.module.__name__.startswith("test_guide")
    return guide.both_forms(daemon) if is_guide else daemon


@pytest.fixture
def yule(request, folder):
    """A server that knows CLIENT1; not started."""
    server = daemons.Yule(folder)
    server.register(world.CLIENT1)
    return in_the_forms_of(request, server)


@pytest.fixture
def samhain(request, folder):
    """CLIENT1's agent with an empty tree to watch; not started."""
    return in_the_forms_of(request, daemons.Samhain(folder))
