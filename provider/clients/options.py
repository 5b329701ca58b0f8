"""Options that the operator sets for a client, beyond its registered metadata."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from typing import Any

from provider.clients.models import (
    Client,
    ConfirmSignOut,
    IDTokenClaims,
    LogoutTokenNames,
    OfflinePolicy,
    ResultPage,
)
from provider.protocol.client_metadata import ClientMetadata

_LONGEST_REUSE = timedelta(seconds=60)


class InvalidOption(ValueError):
    """An option is invalid; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """The operator's options; None means the value from the settings."""

    # It belongs to the operator: people are not asked for consent.
    first_party: bool = False
    offline_policy: OfflinePolicy = OfflinePolicy.KEEP
    confirm_sign_out: ConfirmSignOut = ConfirmSignOut.WHEN_NEEDED
    result_page: ResultPage = ResultPage.WHEN_PENDING
    # DEC-06: whether it is notified of expired sessions.
    told_of_expiry: bool = True
    # Whether its Logout Tokens carry `sub` and `sid`, or only one of them.
    logout_token_names: LogoutTokenNames = LogoutTokenNames.BOTH
    # core §5.4: the specification's minimum, which self-registered clients keep.
    id_token_claims: IDTokenClaims = IDTokenClaims.REQUESTED
    grant_lifetime: timedelta | None = None
    refresh_reuse_interval: timedelta | None = None
    # Development only: the address to which Logout Tokens are sent instead.
    deliver_to: str | None = None
    # DLV-12: it takes longer than others to respond to a Logout Token.
    slow: bool = False
    # DLV-10: the longest lifetime of its own sessions.
    session_lifetime: timedelta | None = None
    # DEC-09: new sign-ins at it are refused once its logout endpoint has been degraded for this long.
    refuse_when_degraded_for: timedelta | None = None

    # rfc8693: the clients whose users' tokens it may exchange; None: no client's.
    may_exchange_tokens_of: Collection[str] | None = None

    def __post_init__(self) -> None:
        if self.grant_lifetime is not None and self.grant_lifetime <= timedelta(0):
            raise InvalidOption("grant_lifetime must be greater than zero")
        if self.session_lifetime is not None and self.session_lifetime <= timedelta(0):
            raise InvalidOption("session_lifetime must be greater than zero")
        if self.refuse_when_degraded_for is not None and self.refuse_when_degraded_for <= timedelta(0):
            raise InvalidOption("refuse_when_degraded_for must be greater than zero")
        # DEC-10: at most a minute, or a stolen token would be as good as the real one.
        if self.refresh_reuse_interval is not None and not (
            timedelta(0) <= self.refresh_reuse_interval <= _LONGEST_REUSE
        ):
            raise InvalidOption("refresh_reuse_interval must be between 0s and 60s")

    def check_with(self, metadata: ClientMetadata) -> None:
        """Check the options against what the client registers. Raises InvalidOption."""
        if metadata.backchannel_logout_session_required and self.logout_token_names is LogoutTokenNames.SUB:
            # backchannel §2.2: such a client 'requires that a sid (session ID) Claim be included'.
            raise InvalidOption(
                "logout_token_names cannot be sub while the client registers "
                "backchannel_logout_session_required"
            )


NAMES = tuple(declared.name for declared in fields(ClientOptions))
CHOICES: dict[str, type[StrEnum]] = {
    "offline_policy": OfflinePolicy,
    "confirm_sign_out": ConfirmSignOut,
    "result_page": ResultPage,
    "logout_token_names": LogoutTokenNames,
    "id_token_claims": IDTokenClaims,
}


def values_of(client: Client) -> dict[str, Any]:
    """Return the operator's options for a client, by name."""
    return {name: getattr(client, name) for name in NAMES}


def from_values(values: Mapping[str, Any]) -> ClientOptions:
    """Return options from named values; choices may be strings, as in the database. Raises InvalidOption."""
    chosen = {name: kind(values[name]) for name, kind in CHOICES.items() if name in values}
    return ClientOptions(**dict(values) | chosen)
