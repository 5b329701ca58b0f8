"""Response types of the Authorization Endpoint, and how each response is returned.

OAuth 2.0 Multiple Response Type Encoding Practices, Form Post Response Mode, and the JWT Secured
Authorization Response Mode (JARM).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

CODE, ID_TOKEN, TOKEN = "code", "id_token", "token"
CODE_ONLY = frozenset({CODE})
# core §3.2, §3.3. rfc9700 §2.1.2: an access token is sent through a browser only with an ID Token or a code
# that vouches for it, so `token` on its own is not among them.
FRONT_CHANNEL_TYPES = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")
QUERY, FRAGMENT, FORM_POST = "query", "fragment", "form_post"
_CARRIERS = (QUERY, FRAGMENT, FORM_POST)
# jarm §2.3: each of them with a JWT that contains the response; `jwt` stands for the default mode of the
# response type.
JWT = "jwt"
_SIGNED = tuple(f"{carrier}.{JWT}" for carrier in _CARRIERS)
RESPONSE_MODES = (*_CARRIERS, JWT, *_SIGNED)
# More than there are texts with a meaning; others are asked about, too.
_MOST_KEPT = 64

ResponseType = frozenset[str]


class ResponseMode(NamedTuple):
    """The carrier of a response, and whether it is signed (jarm §2.3)."""

    carrier: str = QUERY
    signed: bool = False


@lru_cache(maxsize=_MOST_KEPT)
def parts_of(response_type: str) -> ResponseType:
    """Return the parts of a response type; rfc6749 §3.1.1: their order does not matter."""
    return frozenset(response_type.split(" "))


KNOWN_TYPES = frozenset(map(parts_of, (CODE, *FRONT_CHANNEL_TYPES)))


def default_mode(response_type: ResponseType) -> str:
    """Return how a response is sent unless the client requests otherwise.

    Multiple response types §5: a type with tokens 'MUST NOT' be answered in the query, which servers log.
    """
    return FRAGMENT if response_type & {ID_TOKEN, TOKEN} else QUERY


def response_mode_for(parameters: Mapping[str, str], *, always_signed: bool = False) -> ResponseMode:
    """Return how to answer a request whose parameters, including the response mode, may be invalid.

    An app that requests a JWT, or has registered to get one, gets nothing else.
    """
    usual = default_mode(parts_of(parameters.get("response_type", "")))
    carrier, signed = _taken_apart(parameters.get("response_mode", ""))
    # No form can be posted to a private-use scheme.
    is_web = parameters.get("redirect_uri", "").startswith(("https:", "http:"))
    # Multiple response types §5, jarm §2.3.1: tokens must not be in the query, signed or not.
    if carrier not in (FRAGMENT, FORM_POST) or (carrier == FORM_POST and not is_web):
        carrier = usual
    return ResponseMode(carrier, signed or always_signed)


def asked_mode(response_mode: str, response_type: ResponseType) -> ResponseMode:
    """Return the meaning of one of the RESPONSE_MODES for a response type."""
    carrier, signed = _taken_apart(response_mode)
    return ResponseMode(carrier or default_mode(response_type), signed)


@lru_cache(maxsize=_MOST_KEPT)
def _taken_apart(response_mode: str) -> ResponseMode:
    """Return the carrier, empty for `jwt`, and whether a JWT is requested."""
    if response_mode == JWT:
        return ResponseMode("", signed=True)
    carrier = response_mode.removesuffix(f".{JWT}")
    return ResponseMode(carrier, signed=carrier != response_mode)
