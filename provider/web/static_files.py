"""A folder of static files, each with a version that follows from its content."""

import hashlib
from pathlib import Path

from flask import Response, request, send_from_directory

from provider.web.strict_request import query_pairs

_DIGEST_LENGTH = 12
_ONE_YEAR = 365 * 24 * 3600


class StaticFiles:
    """The files of one folder, which do not change while the process runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGEST_LENGTH]
            for path in sorted(folder.iterdir())
        }

    def version(self, name: str) -> str:
        """Return the version of a file, for the parameter `v` of its address. Raises KeyError."""
        return self._versions[name]

    def content(self, name: str) -> bytes:
        """Return what a file holds. Raises OSError."""
        return (self._folder / name).read_bytes()

    def addresses(self, prefix: str) -> tuple[str, ...]:
        """Return the addresses of all files below a prefix, without and with their versions."""
        return tuple(
            f"{prefix}{name}{query}"
            for name, version in self._versions.items()
            for query in ("", f"?v={version}")
        )

    def answer(self, name: str) -> Response:
        """Answer with a file, kept for a year under the address with its version, otherwise for minutes.

        A page of an earlier release may ask for a version that this one does not have.
        """
        version = self._versions.get(name)
        # The entity tag is derived from the content, so that all nodes and releases agree on it.
        response = send_from_directory(self._folder, name, etag=version or False)
        is_versioned = version is not None and dict(query_pairs(request)).get("v") == version
        lifetime = f"max-age={_ONE_YEAR}, immutable" if is_versioned else "max-age=300"
        response.headers["Cache-Control"] = f"public, {lifetime}"
        return response
