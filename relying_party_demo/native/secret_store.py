"""Storage of secrets: in the keyring; without one in memory, or in a file if requested."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from relying_party_demo.native.config import NativeConfig
from relying_party_demo.native.private_file import read_private, write_private

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend


class StoreUnavailable(Exception):
    """The secret store cannot be read or written; its contents are unknown."""


class SecretStore(Protocol):
    """Secrets by name. Each call raises StoreUnavailable if the store does not answer."""

    # Whether stored secrets survive the process.
    is_lasting: bool
    description: str

    def read(self, name: str) -> str | None:
        """Return a secret, or None."""

    def write(self, name: str, value: str) -> None:
        """Store a secret."""

    def delete(self, name: str) -> None:
        """Delete a secret; does nothing if it does not exist."""


class KeyringStore:
    """Secrets in the operating system's keyring, one entry each (Windows limits an entry to 2.5 kB)."""

    is_lasting = True

    def __init__(self, backend: "KeyringBackend", service: str) -> None:
        self._backend = backend
        self._service = service
        self.description = f"the keyring ({type(backend).__module__.rpartition('.')[2]})"

    def read(self, name: str) -> str | None:
        """Return a secret, or None."""
        from keyring.errors import KeyringError

        try:
            return self._backend.get_password(self._service, name)
        except KeyringError as exc:
            raise StoreUnavailable(f"{self.description} does not answer: {exc}") from exc

    def write(self, name: str, value: str) -> None:
        """Store a secret."""
        from keyring.errors import KeyringError

        try:
            self._backend.set_password(self._service, name, value)
        except KeyringError as exc:
            raise StoreUnavailable(f"{self.description} does not answer: {exc}") from exc

    def delete(self, name: str) -> None:
        """Delete a secret, if it exists."""
        from keyring.errors import KeyringError

        try:
            if self._backend.get_password(self._service, name) is not None:
                self._backend.delete_password(self._service, name)
        except KeyringError as exc:
            raise StoreUnavailable(f"{self.description} does not answer: {exc}") from exc


class MemoryStore:
    """Secrets for as long as this process runs."""

    is_lasting = False
    description = "memory only"

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def read(self, name: str) -> str | None:
        """Return a secret, or None."""
        return self._secrets.get(name)

    def write(self, name: str, value: str) -> None:
        """Store a secret."""
        self._secrets[name] = value

    def delete(self, name: str) -> None:
        """Delete a secret, if it exists."""
        self._secrets.pop(name, None)


class FileStore:
    """Secrets in a file that only its owner can read; in plain text, so only used on request."""

    is_lasting = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.description = f"a plain text file ({path})"

    def read(self, name: str) -> str | None:
        """Return a secret, or None."""
        return self._load().get(name)

    def write(self, name: str, value: str) -> None:
        """Store a secret."""
        self._save(self._load() | {name: value})

    def delete(self, name: str) -> None:
        """Delete a secret, if it exists; delete the file with the last one."""
        kept = self._load()
        if kept.pop(name, None) is not None:
            self._save(kept)

    def _load(self) -> dict[str, str]:
        try:
            text = read_private(self._path)
            found = json.loads(text) if text else {}
        except (OSError, ValueError) as exc:
            raise StoreUnavailable(f"{self._path}: {exc}") from exc
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise StoreUnavailable(f"{self._path} was not written by this app")
        return found

    def _save(self, secrets: dict[str, str]) -> None:
        try:
            if secrets:
                write_private(self._path, json.dumps(secrets))
            else:
                self._path.unlink(missing_ok=True)
        except OSError as exc:
            raise StoreUnavailable(f"{self._path}: {exc}") from exc


def choose_store(config: NativeConfig) -> SecretStore:
    """Return the file if requested; else a trusted keyring, or memory if there is none."""
    if config.insecure_storage:
        return FileStore(
            config.data_dir / f"insecure-secrets-{_digest(config.issuer, config.client_id)}.json"
        )
    # Imported late: looking for a keyring may contact the desktop, so it is done only if needed.
    from relying_party_demo.native.keyrings import find_keyring

    backend = find_keyring()
    return KeyringStore(backend, _service(config)) if backend else MemoryStore()


def _service(config: NativeConfig) -> str:
    """Return the name of this installation's entries, which no other one on the machine may share."""
    place = _digest(str(config.data_dir.resolve()))
    return f"curfew-native {config.client_id} {config.issuer} {place}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
