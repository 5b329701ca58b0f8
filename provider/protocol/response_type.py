"""What a client may ask the Authorization Endpoint for, and how the answer gets to it.

OAuth 2.0 Multiple Response Type Encoding Practices, and Form Post Response Mode.
"""

from collections.abc import Mapping

CODE, ID_TOKEN, TOKEN = "code", "id_token", "token"
CODE_ONLY = frozenset({CODE})
# core §3.2, §3.3. rfc9700 §2.1.2: an access token comes through a browser only with an ID Token or a code
# that vouches for it, so `token` alone is not among them.
FRONT_CHANNEL_TYPES = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")
QUERY, FRAGMENT, FORM_POST = "query", "fragment", "form_post"
RESPONSE_MODES = (QUERY, FRAGMENT, FORM_POST)

ResponseType = frozenset[str]


def parts_of(response_type: str) -> ResponseType:
    """Return the parts of a response type; rfc6749 §3.1.1: their order does not matter."""
    return frozenset(response_type.split(" "))


KNOWN_TYPES = frozenset(map(parts_of, (CODE, *FRONT_CHANNEL_TYPES)))


def default_mode(response_type: ResponseType) -> str:
    """Return how an answer travels unless the client says otherwise.

    Multiple response types §5: a type with tokens 'MUST NOT' be answered in the query, which servers log.
    """
    return FRAGMENT if response_type & {ID_TOKEN, TOKEN} else QUERY


def answering_mode(parameters: Mapping[str, str]) -> str:
    """Return how to answer a request that may turn out to be wrong, even in its response mode."""
    usual = default_mode(parts_of(parameters.get("response_type", "")))
    asked = parameters.get("response_mode")
    # No form can be posted to an app's own scheme.
    is_web = parameters.get("redirect_uri", "").startswith(("https:", "http:"))
    if asked not in RESPONSE_MODES or (asked == FORM_POST and not is_web):
        return usual
    return usual if asked == QUERY else asked
