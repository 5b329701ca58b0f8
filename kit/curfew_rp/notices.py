"""The pages of an extension, and why a browser's session is over: the same for every framework."""

from dataclasses import dataclass
from typing import Literal

# Signed out at this app, signed in anew, or ended by a logout or its age.
Why = Literal["signed out", "replaced", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A page of the extension: `code` says which one, or names the error; `text` is for the person.

    The codes of its own are `signed_out`, `confirm` (whose page must post to `/logout`), `not_signed_in`,
    `ended_meanwhile` and `unavailable`; others are those of OAuth, or name the rule that a response broke.
    """

    status: int
    code: str
    text: str

    @property
    def offers_sign_in(self) -> bool:
        """Whether a person can go on by signing in."""
        return self.code not in ("confirm", "not_signed_in", "unavailable")
