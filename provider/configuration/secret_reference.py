"""References to the secrets of clients: a file never contains a secret itself."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from provider.clients.secrets import UnusableSecret, check_given

GENERATED = "generated"
FORMS = f"env:NAME, file:PATH or {GENERATED}"
_MOST_BYTES = 4096


class UnusableReference(ValueError):
    """A reference does not lead to a usable secret; the sentence says why, without the secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """A reference as it is written, and the secret that it leads to; None for a generated one."""

    written: str
    secret: str | None = field(default=None, repr=False)


def resolve(written: str, folder: Path) -> SecretReference:
    """Follow a reference; a path is relative to the folder of the file. Raises UnusableReference."""
    if written == GENERATED:
        return SecretReference(written=written)
    form, _, target = written.partition(":")
    if form not in ("env", "file") or not target:
        # The text may be a secret entered by mistake, so it is not repeated.
        raise UnusableReference(f"must be a reference, {FORMS}, and never the secret itself")
    secret = _from_environment(target) if form == "env" else _from_file(folder / target)
    try:
        check_given(secret)
    except UnusableSecret as exc:
        raise UnusableReference(f"leads to a secret that cannot be used: {exc}") from exc
    return SecretReference(written=written, secret=secret)


def _from_environment(name: str) -> str:
    secret = os.environ.get(name)
    if secret is None:
        raise UnusableReference(f"names the environment variable {name}, which is not set")
    return secret


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1).decode().rstrip("\r\n")
    except OSError as exc:
        raise UnusableReference(f"names the file {path}, which cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UnusableReference(f"names the file {path}, which is not UTF-8") from exc
