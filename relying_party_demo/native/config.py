"""The settings that the app needs to start."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_SCOPE = "openid profile email offline_access account"
DEFAULT_OFFLINE_LIMIT = timedelta(hours=1)
_LOOPBACKS = {"localhost", "127.0.0.1", "::1"}


class WrongConfiguration(Exception):
    """The app cannot start with this configuration; the message lists everything that is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeConfig:
    """One installation of the app: its provider, its API, and where it stores its data."""

    issuer: str
    client_id: str
    data_dir: Path
    api_url: str = ""
    scope: str = DEFAULT_SCOPE
    ca_bundle: Path | None = None
    insecure_storage: bool = False
    push_hook: str = ""
    # How long stored personal data is shown without a response from the provider.
    offline_limit: timedelta = DEFAULT_OFFLINE_LIMIT

    def __post_init__(self) -> None:
        """Reject a configuration that would fail later, listing all of its faults at once."""
        faults = [sentence for is_wrong, sentence in self._faults() if is_wrong]
        if faults:
            raise WrongConfiguration("; ".join(faults))

    def _faults(self) -> tuple[tuple[bool, str], ...]:
        return (
            (not is_protected(self.issuer), "issuer must be an https URL, or http on this machine"),
            (
                bool(self.api_url) and not is_protected(self.api_url),
                "API must be an https URL, or http on this machine",
            ),
            (not self.client_id, "client id is missing"),
            ("openid" not in self.scope.split(), "scope must contain openid"),
            (self.offline_limit < timedelta(0), "offline limit must not be negative"),
        )


def is_protected(url: str) -> bool:
    """Return whether tokens may be sent to a URL: https, or plain http that does not leave this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACKS))
