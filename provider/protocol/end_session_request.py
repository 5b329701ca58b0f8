"""A Logout Request as the relying party sent it (rpinitiated §2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from provider.protocol.errors import InvalidRequest

# THR-11: `state` comes back in a redirect, and no browser or server takes addresses without end.
LONGEST_STATE = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessionRequest:
    """The parameters that mean something here; unknown ones are ignored."""

    id_token_hint: str | None = field(default=None, repr=False)
    logout_hint: str | None = field(default=None, repr=False)
    client_id: str | None = None
    post_logout_redirect_uri: str | None = None
    state: str | None = field(default=None, repr=False)
    ui_locales: str | None = None

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> "EndSessionRequest":
        """Take the request from its parameters. Raises InvalidRequest for a `state` beyond all measure."""
        if len(parameters.get("state", "")) > LONGEST_STATE:
            raise InvalidRequest(f"state is longer than {LONGEST_STATE} characters")
        return cls(**{name: parameters[name] for name in cls.__dataclass_fields__ if name in parameters})
