"""The data about a person apart from the tokens: profile, API responses, data of embedded pages."""

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from relying_party_demo.native.private_file import make_private_folder, read_private, write_private

_PROFILE, _ANSWERS, _WEB_VIEWS = "profile.json", "answers.json", "web-views"


class AccountData:
    """The folder of one account; its name does not reveal whose it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def profile(self) -> dict[str, Any]:
        """The provider's claims about the person and their time; empty before the first response."""
        return self._load(_PROFILE)

    def write_profile(self, claims: dict[str, Any]) -> None:
        """Store a profile that the provider has just sent."""
        self._save(_PROFILE, {"claims": claims, "at": time.time()})

    def find_response(self, url: str) -> dict[str, Any] | None:
        """Return the stored API response for a URL: its text, and when it arrived."""
        found = self._load(_ANSWERS).get(url)
        return found if isinstance(found, dict) else None

    def write_response(self, url: str, text: str) -> None:
        """Store an API response for use without a network."""
        self._save(_ANSWERS, self._load(_ANSWERS) | {url: {"text": text, "at": time.time()}})

    @property
    def web_views(self) -> Path:
        """The folder for the data of embedded pages: cookies, local storage, caches."""
        folder = self.folder / _WEB_VIEWS
        make_private_folder(folder)
        return folder

    def delete_profile(self) -> None:
        """Delete the profile."""
        (self.folder / _PROFILE).unlink(missing_ok=True)

    def delete_responses(self) -> None:
        """Delete the stored responses of the API."""
        (self.folder / _ANSWERS).unlink(missing_ok=True)

    def delete_web_views(self) -> None:
        """Delete the data of embedded pages."""
        _delete(self.folder / _WEB_VIEWS)

    def delete(self) -> None:
        """Delete the folder with whatever is left in it."""
        _delete(self.folder)

    def _load(self, name: str) -> dict[str, Any]:
        text = read_private(self.folder / name)
        try:
            found = json.loads(text) if text else {}
        except ValueError:
            # It is only a copy of data that can be fetched again.
            return {}
        return found if isinstance(found, dict) else {}

    def _save(self, name: str, content: dict[str, Any]) -> None:
        write_private(self.folder / name, json.dumps(content))


def folder_of(data_dir: Path, issuer: str, client_id: str, sub: str) -> Path:
    """Return the folder of a person's data."""
    digest = hashlib.sha256("\n".join((issuer, client_id, sub)).encode()).hexdigest()[:24]
    return data_dir / "accounts" / digest


def delete_all_but(data_dir: Path, kept: Path | None) -> None:
    """Delete the data of everyone who is not signed in, as after an interrupted sign-out or a restore."""
    accounts = data_dir / "accounts"
    if accounts.is_dir():
        for folder in accounts.iterdir():
            if folder != kept:
                _delete(folder)


def _delete(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
