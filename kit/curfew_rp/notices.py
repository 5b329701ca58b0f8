"""The pages of an extension, and the reasons why a browser's session ended; the same for every framework."""

from dataclasses import dataclass
from typing import Literal

# The person signed out at this app or signed in again, or the session ended by a logout or its age.
Why = Literal["signed out", "replaced", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A page of the extension: `code` identifies the page or the error; `text` is for the person.

    The extension's own codes are `signed_out`, `confirm` (whose page must post to `/logout`),
    `not_signed_in`, `ended_meanwhile` and `unavailable`; other codes are OAuth's, or name the rule that a
    response broke.
    """

    status: int
    code: str
    text: str

    @property
    def offers_sign_in(self) -> bool:
        """Whether the person can continue by signing in."""
        return self.code not in ("confirm", "not_signed_in", "unavailable")
