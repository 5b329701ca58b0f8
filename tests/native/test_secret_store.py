"""The place of secrets: a trusted keyring, else memory, and a file only if that was asked for."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from demo.browser import Browser
from demo.phone import address_in
from relying_party_demo.native.config import NativeConfig
from relying_party_demo.native.keyrings import find_keyring, is_trusted
from relying_party_demo.native.secret_store import FileStore, MemoryStore, StoreUnavailable, choose_store
from tests.native.conftest import sign_in
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
PLAY = """
import json
from pathlib import Path
from {package}.config import NativeConfig
from {package}.secret_store import choose_store

config = NativeConfig(issuer="https://id.test", client_id="phone", data_dir=Path({data_dir!r}))
store = choose_store(config)
store.write("one", "1")
store.write("two", "2" * 3000)
store.write("one", "1b")
store.delete("two")
store.delete("three")
again = choose_store(config)
print(json.dumps([again.description, again.read("one"), again.read("two"), again.is_lasting]))
"""


def config(tmp_path, **changes) -> NativeConfig:
    return NativeConfig(
        **{"issuer": "https://id.test", "client_id": "phone", "data_dir": tmp_path / "app"} | changes
    )


@pytest.fixture(autouse=True)
def no_desktop(monkeypatch):
    """As on a server: no session bus, so no keyring of a desktop."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")


def test_installed_file_backends_are_not_taken(tmp_path):
    assert importlib.util.find_spec("keyrings.alt"), "it is installed for this test"
    from keyring.backend import get_all_keyring

    others = [backend for backend in get_all_keyring() if type(backend).__module__.startswith("keyrings.alt")]

    assert others
    assert not any(map(is_trusted, others))
    assert find_keyring() is None
    assert isinstance(choose_store(config(tmp_path)), MemoryStore)


def test_a_backend_that_derives_from_a_trusted_one_is_not_trusted():
    from keyring.backends.SecretService import Keyring

    class Lookalike(Keyring):
        pass

    assert is_trusted(Keyring())
    assert not is_trusted(Lookalike())


def test_the_file_is_its_owners_alone_and_goes_with_its_last_secret(tmp_path):
    store = choose_store(config(tmp_path, insecure_storage=True))
    store.write("one", "1")
    store.write("two", "2")
    (file,) = (tmp_path / "app").iterdir()

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert (store.read("one"), store.read("three")) == ("1", None)
    for name in ("one", "two", "three"):
        store.delete(name)
    assert not file.exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}'])
def test_a_file_of_another_make_is_not_written_over(tmp_path, content):
    path = tmp_path / "secrets.json"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(StoreUnavailable):
        FileStore(path).write("one", "1")
    assert path.read_text() == content


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_that_others_can_read_is_refused(tmp_path, mode):
    path = tmp_path / "secrets.json"
    FileStore(path).write("one", "1")
    path.chmod(mode)

    with pytest.raises(StoreUnavailable, match="0600"):
        FileStore(path).read("one")


def test_a_link_is_not_followed(tmp_path):
    FileStore(tmp_path / "elsewhere").write("one", "1")
    (tmp_path / "secrets.json").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreUnavailable):
        FileStore(tmp_path / "secrets.json").read("one")


@pytest.mark.processes
def test_without_a_keyring_a_sign_in_ends_with_the_program_here_and_at_the_provider(phone, network):
    in_memory = replace(phone, options=())

    said = sign_in(in_memory)

    assert "memory only" in said.text
    assert "signed out when this program ends" in said.text
    assert "POST /revoke" in network.requests
    assert in_memory.run("whoami").code == 3
    assert not [path for path in phone.folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.processes
def test_the_prompt_keeps_a_sign_in_in_memory(phone, network):
    browser = Browser()
    with replace(phone, options=()).running() as process:
        process.stdin.write("login --no-browser\n")
        process.stdin.flush()
        browser.open(address_in(process))
        browser.press("sign-in", username="ada", password="a-long-enough-password")
        browser.press("allow")
        said, _ = process.communicate("whoami\nnonsense\nlogout\nwhoami\nquit\n", timeout=PATIENCE)

    assert "Signed in as Ada." in said
    assert "invalid choice" in said
    assert "You are not signed in." in said
    assert network.requests.count("POST /revoke") == 1


@pytest.mark.processes
def test_a_desktops_keyring_holds_each_secret_by_itself(tmp_path):
    """With the real daemon, on a session bus of its own."""
    if not (shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon")):
        pytest.skip("gnome-keyring is not installed, so the keyring of a desktop was not used")
    play = tmp_path / "play.py"
    play.write_text(
        PLAY.format(package=NativeConfig.__module__.rpartition(".")[0], data_dir=str(tmp_path / "app"))
    )
    script = f'echo -n secret | gnome-keyring-daemon --unlock >/dev/null && exec "{sys.executable}" {play}'
    environ = {
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", script],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["the keyring (SecretService)", "1b", None, True]
