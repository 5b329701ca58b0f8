"""A Spring Boot app that is the printed recipe: sign-in, sign-out, and a Logout Token for one browser."""

import os
import shutil
import subprocess

import pytest

from tests.interop.app_process import running
from tests.interop.conftest import HERE
from tests.support.demo import free_run
from tests.support.waiting import wait_until

LIBRARIES = HERE / "java" / "lib"


@pytest.fixture(scope="module")
def app(add_for, tmp_path_factory):
    java, javac = shutil.which("java"), shutil.which("javac")
    if not (java and javac and LIBRARIES.is_dir()):
        pytest.skip("Spring Boot is not installed: `make interop` gets it, given a JDK and Maven")
    folder, port = tmp_path_factory.mktemp("spring"), free_run(1)
    url = f"http://127.0.0.1:{port}"
    client = add_for("spring", url)
    sources = {
        "App.java": (HERE / "java" / "App.java").read_text(),
        "SecurityConfiguration.java": f"package app;\n{client.files['SecurityConfiguration.java']}",
        "application.yml": client.files["src/main/resources/application.yml"],
    }
    for name, text in sources.items():
        (folder / name).write_text(text)
    path = f"{folder}{os.pathsep}{LIBRARIES}/*"
    subprocess.run([javac, "-cp", path, "-d", folder, *folder.glob("*.java")], check=True)
    command = [java, "-cp", path, "app.App", f"--server.port={port}", "--server.address=127.0.0.1"]
    with running(command, folder, f"{url}/error", {"CURFEW_CLIENT_SECRET": client.secret}):
        yield url


def name_at(person, app):
    """The name that the app knows, or None if it sends the browser to the provider."""
    response = person.browser.ask("GET", f"{app}/")
    return response.json()["name"] if response.url.startswith(app) else None


@pytest.mark.spec(
    "core §3.1.3.7", "core 15", "rpinitiated 6", "backchannel OP 4", "backchannel OP 10", "backchannel §2.8"
)
def test_a_logout_token_ends_one_browser(ada, ada_elsewhere, app, site):
    for person in (ada, ada_elsewhere):
        person.go(f"{app}/oauth2/authorization/curfew")
        assert name_at(person, app) == "Ada Lovelace"

    ada.go(f"{site.issuer}/session/end")

    wait_until(lambda: name_at(ada, app) is None)
    assert name_at(ada_elsewhere, app) == "Ada Lovelace"
