"""The settings that one service needs to start."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from relying_party_demo.native.config import is_protected


class WrongConfiguration(Exception):
    """The service cannot start with this configuration; the message lists everything that is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedAPIConfig:
    """One service: its identity at the provider, and how fresh its knowledge has to be."""

    name: str
    issuer: str
    client_id: str
    base_url: str
    client_secret: str = field(default="", repr=False)
    # How long an introspection response is used; with zero, each call is introspected.
    kept_for: timedelta = timedelta(0)
    # The audience of signed tokens, and the store of the app that receives the logouts of their sessions.
    # With these the service verifies tokens itself, without a request for each call.
    audience: str = ""
    logouts: str = ""
    # How old a sign-in may be for a transfer (rfc9470).
    transfer_max_age: timedelta = timedelta(minutes=1)
    # The service that this one calls for people, and how often a job calls it.
    calls: str = ""
    watch_every: timedelta = timedelta(seconds=2)
    ca_bundle: Path | None = None

    @property
    def is_signed(self) -> bool:
        """Whether tokens are verified here, by their signature and the logouts that the app has received."""
        return bool(self.audience)

    def __post_init__(self) -> None:
        """Reject a configuration that would fail later, listing all of its faults at once."""
        faults = [sentence for is_wrong, sentence in self._faults() if is_wrong]
        if faults:
            raise WrongConfiguration("; ".join(faults))

    def _faults(self) -> tuple[tuple[bool, str], ...]:
        urls = {"issuer": self.issuer, "base URL": self.base_url} | (
            {"called service": self.calls} if self.calls else {}
        )
        spans = {"cache": self.kept_for, "sign-in's age": self.transfer_max_age}
        return (
            (not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", self.name), "name must be a short lower-case word"),
            *(
                (not is_protected(url), f"{what} must be an https URL, or http on this machine")
                for what, url in urls.items()
            ),
            (
                not self.is_signed and not (self.client_id and self.client_secret),
                "client id or secret is missing",
            ),
            (
                bool(self.audience) != bool(self.logouts),
                "audience and store of logouts belong together",
            ),
            (self.is_signed and bool(self.calls), "a service without a client cannot call another one"),
            *((span < timedelta(0), f"the {what} must not be negative") for what, span in spans.items()),
            (self.watch_every <= timedelta(0), "the watch interval must be greater than zero"),
        )
