"""The settings that one app needs to start."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

# RS256 is the default of id_token_signed_response_alg; "none" and the HMAC family are never registered here.
DEFAULT_SIGNING_ALGORITHM = "RS256"
SIGNING_ALGORITHMS = (DEFAULT_SIGNING_ALGORITHM, "ES256", "EdDSA")
DEFAULT_SCOPE = "openid profile email"


class WrongConfiguration(Exception):
    """The app cannot start with this configuration; the message lists everything that is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingPartyConfig:
    """One app: its identity, the provider that it trusts, and where it stores its sessions."""

    name: str
    issuer: str
    client_id: str
    base_url: str
    data_dir: Path
    client_secret: str = field(default="", repr=False)
    scope: str = DEFAULT_SCOPE
    id_token_signed_response_alg: str = DEFAULT_SIGNING_ALGORITHM
    # The URL of the store of logouts; empty for a file in the data folder.
    logouts: str = ""
    expose_tokens: bool = False
    # APIs that the app calls with a person's token on request: a name and a URL for each.
    apis: tuple[tuple[str, str], ...] = ()
    ca_bundle: Path | None = None

    def __post_init__(self) -> None:
        """Reject a configuration that would fail later, listing all of its faults at once."""
        faults = [sentence for is_wrong, sentence in self._faults() if is_wrong]
        if faults:
            raise WrongConfiguration("; ".join(faults))

    def _faults(self) -> tuple[tuple[bool, str], ...]:
        return (
            (not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", self.name), "name must be a short lower-case word"),
            (not _is_base_url(self.issuer), "issuer must be an http(s) URL without query or fragment"),
            (not _is_base_url(self.base_url), "base URL must be an http(s) URL without query or fragment"),
            (not self.client_id, "client id is missing"),
            ("openid" not in self.scope.split(), "scope must contain openid"),
            (not all(_is_base_url(url) for _, url in self.apis), "an API is written NAME=URL"),
            (
                self.id_token_signed_response_alg not in SIGNING_ALGORITHMS,
                f"signing algorithm must be one of {', '.join(SIGNING_ALGORITHMS)}",
            ),
        )

    @property
    def store(self) -> str:
        """The store from which this app's processes, and APIs that verify its tokens, learn of logouts."""
        return self.logouts or f"sqlite:///{self.data_dir / self.name}-logouts.sqlite3"

    @property
    def is_https(self) -> bool:
        """Whether cookies of this app may be marked Secure."""
        return self.base_url.startswith("https://")


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 – a port that is no number is found when it is asked for.
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and not parts.query and not parts.fragment


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, in the form of an Origin header or a policy."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
