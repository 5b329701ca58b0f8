"""Details of a refused request for the operator; they do not leave the provider."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

LONGEST_TEXT = 300
_LONGEST_ID = 100
# Every secret and token of ours begins like this.
_OURS = re.compile(r"cf[a-z]{1,2}_")


class RefusalKind(StrEnum):
    """The kind of a refused request."""

    AUTHENTICATION = "authentication"
    REDIRECT_URI = "redirect_uri"
    POST_LOGOUT_REDIRECT_URI = "post_logout_redirect_uri"
    SCOPE = "scope"
    RESOURCE = "resource"
    RESPONSE_TYPE = "response_type"
    # A grant type or response type that the client did not register.
    NOT_REGISTERED_FOR = "not_registered_for"
    # The client has no key to encrypt a response to.
    ENCRYPTION = "encryption"


class Cause(StrEnum):
    """Why a client failed to authenticate; for every other kind the sentence is enough."""

    NONE = ""
    UNKNOWN = "unknown"
    DISABLED = "disabled"
    # The client used a method that it is not registered for, or that the endpoint does not accept.
    METHOD = "method"
    ENDPOINT = "endpoint"
    SECRET = "secret"  # noqa: S105 – the name of a cause.
    ASSERTION = "assertion"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refused request in the name of a client, which need not exist."""

    client_id: str
    is_known: bool
    kind: RefusalKind
    cause: Cause = Cause.NONE
    sentence: str = ""
    # Details such as the method used and the methods registered.
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def printable(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return foreign text as ASCII of bounded length, which every log, table and terminal can show."""
    safe = text.encode("unicode_escape").decode("ascii")
    return safe if len(safe) <= longest else f"{safe[:longest]}..."


def printable_id(client_id: str) -> str:
    """Return the client id of a request in printable form; it need not belong to a client.

    A developer who mixes up id and secret sends the secret as the id.
    """
    return "(a secret or token)" if _OURS.match(client_id) else printable(client_id, _LONGEST_ID)
