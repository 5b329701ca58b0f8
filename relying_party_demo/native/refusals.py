"""Refusals by the provider and by APIs, with the codes that people and support use."""

from enum import IntEnum

from relying_party_demo.native.plain_text import plain
from relying_party_demo.wire import Response


class Code(IntEnum):
    """The codes of the account API."""

    OTHER = 9000
    NO_TOKEN = 9001
    SESSION_ENDED = 9002


class Refused(Exception):
    """The server refused; nothing was deleted here."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(f"{message} ({int(code)})")
        self.code = code


class SessionEnded(Exception):
    """The provider accepts neither the access token nor the refresh token: the person was signed out."""


def refusal_of(response: Response) -> Refused:
    """Return the refusal in a server's response; the server's own message is shown to the person."""
    document = response.document()
    number = document.get("code")
    code = Code(number) if number in list(Code) else Code.OTHER
    if code is Code.SESSION_ENDED:
        return Refused(code, "Invalid or expired session")
    description = document.get("error_description") or document.get("error")
    said = description or f"the server answered HTTP {response.status}"
    return Refused(code, plain(str(said)))
