"""The challenge of an API when the token is valid but its sign-in is not sufficient (rfc9470)."""

import re
from dataclasses import dataclass

from relying_party_demo.wire import Response

_NEEDED = re.compile(r'error="insufficient_user_authentication"')
_MAX_AGE = re.compile(r'max_age="(\d{1,9})"')
_ACR_VALUES = re.compile(r'acr_values="([^"]{1,1000})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The required sign-in: its maximum age in seconds, or its kind."""

    max_age: int | None = None
    acr_values: str | None = None

    def as_parameters(self) -> dict[str, str]:
        """Return the parameters of the authorization request (rfc9470 §5)."""
        asked = {"acr_values": self.acr_values, "max_age": self.max_age}
        return {name: str(value) for name, value in asked.items() if value is not None}


class StepUpNeeded(Exception):
    """The API requires another sign-in for this call."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__("the API requires a more recent or a different sign-in")
        self.wanted = wanted


def step_up_of(response: Response) -> Wanted | None:
    """Return the sign-in that an API requires (rfc9470 §3); None if the response is not such a challenge."""
    challenge = response.headers.get("WWW-Authenticate", "")
    if not _NEEDED.search(challenge):
        return None
    max_age, acr_values = _MAX_AGE.search(challenge), _ACR_VALUES.search(challenge)
    return Wanted(
        max_age=int(max_age[1]) if max_age else None, acr_values=acr_values[1] if acr_values else None
    )
