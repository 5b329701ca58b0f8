"""The allowed imports between packages, and the things that have one door only (design §6)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, imports_of, trees

ROOMS = {
    *("administration", "authentication"),
    *("accounts", "audit", "clients", "delivery", "keys"),
    *("grants", "interactions", "sessions", "signals", "tokens", "holdings"),
    *("config", "inspection", "logout", "oauth", "protocol"),
}
# The check plays a person with a browser: an outsider that lives in the demo.
OUTSIDERS = ("demo/api_story.py", "demo/browser.py", "demo/check.py", "demo/story.py")
CLIENT = "provider/infrastructure/outbound/client.py"
DOORS = [
    # LIB-23: the outbound client speaks HTTP by itself, on sockets of its own.
    pytest.param(("requests", "urllib3", "httpx", "certifi"), (CLIENT, *OUTSIDERS), id="outbound HTTP"),
    pytest.param(("jwt",), ("provider/keys/jwt.py",), id="signing"),
    pytest.param(("authlib",), ("provider/oauth/",), id="Authlib"),
    pytest.param(
        ("celery", "kombu"),
        ("provider/infrastructure/", "provider/worker/", "provider/celery_app.py"),
        id="the task queue",
    ),
    pytest.param(("random",), (), id="chance that can be guessed"),
    pytest.param(("redis", "valkey", "limits"), ("provider/infrastructure/",), id="Redis"),
]


def test_the_layers_hold():
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command, "lint-imports is not installed beside this Python"

    outcome = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(("modules", "allowed"), DOORS)
def test_one_door(modules, allowed):
    importers = {
        path
        for path, tree in (trees("provider") | trees("demo")).items()
        if any(name.partition(".")[0] in modules for name in imports_of(tree))
    }

    assert {path for path in importers if not path.startswith(allowed or "nobody")} == set()


def test_rooms_do_not_know_the_web_framework():
    importers = {
        path
        for path, tree in trees("provider").items()
        if path.split("/")[1] in ROOMS
        and any(name.partition(".")[0] in {"flask", "werkzeug"} for name in imports_of(tree))
    }

    assert importers == set()


def test_the_command_leaves_an_operators_acts_to_their_room():
    """An act that writes its audit entry in an edge would have other consequences in the next edge."""
    importers = {
        path
        for path, tree in trees("provider").items()
        if path.startswith("provider/cli/") and "provider.audit.record" in imports_of(tree)
    }

    # The first signing keys are made by the start of a server, which is no act of an operator's.
    assert importers == {"provider/cli/serve.py"}


def test_the_demo_app_is_an_outsider():
    importers = {
        path
        for path, tree in trees("relying_party_demo").items()
        if any(name.partition(".")[0] == "provider" for name in imports_of(tree))
    }

    assert importers == set()


def test_the_check_is_an_outsider():
    known = {
        name
        for path in OUTSIDERS
        for name in imports_of(trees("demo")[path])
        if name.partition(".")[0] == "provider"
    }

    assert known == set()
