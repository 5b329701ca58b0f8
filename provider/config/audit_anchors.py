"""The targets for anchors of the audit chain: a file, a syslog server or an object behind a URL."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

FORMS = "file:/absolute/path, syslog+udp://host:514, syslog+tcp://host:601, syslog+unix:/dev/log or https://host/path"
_PORTS = {"syslog+udp": 514, "syslog+tcp": 601}
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
SEQ = "{seq}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorTarget:
    """One target outside the database; `name` may be shown, and leaves out the query of a URL."""

    kind: Literal["file", "syslog+udp", "syslog+tcp", "syslog+unix", "http"]
    name: str
    path: Path | None = None
    host: str = ""
    port: int = 0
    # If it contains `{seq}`, each anchor becomes a separate object.
    url: str = ""


def read_anchor_target(text: str) -> AnchorTarget:
    """Parse a target as written in the setting. Raises ValueError with a message for the operator."""
    scheme, _, rest = text.partition(":")
    if scheme in ("file", "syslog+unix"):
        path = Path(rest.removeprefix("//"))
        if not path.is_absolute():
            raise ValueError(f"{scheme} needs an absolute path")
        return AnchorTarget(kind=scheme, name=f"{scheme}:{path}", path=path)  # type: ignore[arg-type]  # one of both.
    parts = urlsplit(text)
    if scheme in _PORTS and parts.hostname and _HOST.fullmatch(parts.hostname):
        port = parts.port or _PORTS[scheme]
        name = f"{scheme}://{parts.hostname}:{port}"
        return AnchorTarget(kind=scheme, name=name, host=parts.hostname, port=port)  # type: ignore[arg-type]  # the same.
    if scheme in ("http", "https") and parts.hostname and not parts.username:
        # The query of a presigned URL is a secret.
        return AnchorTarget(kind="http", name=f"{scheme}://{parts.netloc}{parts.path}", url=text)
    raise ValueError(f"an anchor is {FORMS}")
