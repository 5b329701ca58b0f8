"""A Logout Request as the relying party sent it (rpinitiated §2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from provider.protocol.parameters import UNREADABLE_BODY, Flaw, Usable

# THR-11: `state` is returned in a redirect, and browsers and servers limit the length of URLs.
LONGEST_STATE = 2048
# These identify the session. If they are repeated with the same value, the meaning is still clear.
WHO = frozenset({"id_token_hint", "client_id"})
# These determine where the person goes afterwards; the app needs each of them exactly as it was sent. An
# unreadable body may have held any of them.
WAY_BACK = frozenset({"post_logout_redirect_uri", "state", UNREADABLE_BODY})
PARAMETERS = frozenset({*WHO, "post_logout_redirect_uri", "state", "logout_hint", "ui_locales"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessionRequest:
    """The known parameters that can be used; unknown ones are ignored.

    A Logout Request is honoured whenever it is clear whose session is meant, so an unusable parameter
    is left out and named in `flaws`.
    """

    id_token_hint: str | None = field(default=None, repr=False)
    logout_hint: str | None = field(default=None, repr=False)
    client_id: str | None = None
    post_logout_redirect_uri: str | None = None
    state: str | None = field(default=None, repr=False)
    ui_locales: str | None = None
    flaws: Mapping[str, Flaw] = field(default_factory=dict)

    @classmethod
    def of(cls, sent: Usable) -> "EndSessionRequest":
        """Make the request from its usable parameters."""
        values, flaws = dict(sent.values), dict(sent.flaws)
        if len(values.get("state", "")) > LONGEST_STATE:
            del values["state"]
            flaws["state"] = Flaw.TOO_LONG
        return cls(**values, flaws=flaws)

    @property
    def is_ambiguous(self) -> bool:
        """Whether two clients are named, so that neither can be trusted."""
        return "client_id" in self.flaws

    @property
    def has_way_back(self) -> bool:
        """Whether every parameter about the way back to the app can be used."""
        return not self.flaws.keys() & WAY_BACK
