"""The redirect URIs that may be registered (registration §2, rfc8252), and those that only operators may.

An unwise URI works, but others may receive what is sent to it. A client cannot register one itself.
"""

from collections.abc import Callable, Iterator

from provider.protocol.client_metadata import ClientMetadata, Problem
from provider.protocol.uri import MalformedURI, check_private_use_uri, is_short_scheme_uri, parse_web_uri

FIELDS = ("redirect_uris", "post_logout_redirect_uris")
# rfc8252 §7.1 and §8.4; rfc9700 §2.6.
_SHORT = "has a scheme without a dot: any other app on the device may claim it and receive what is sent there"
_LOCAL = "uses plain http in a network, where others can read and change what is sent"
_MAY = "an operator can register it with --unwise-redirect-uris"
_FIELD_MAY = "accept_unwise_redirect_uris: true registers it nevertheless"

MayBeUnwise = Callable[[str], bool]


def redirect_uri_problems(metadata: ClientMetadata, may_be_unwise: MayBeUnwise) -> Iterator[Problem]:
    """Yield what is wrong with the addresses that people are sent to."""
    for name in FIELDS:
        for uri in getattr(metadata, name):
            try:
                why = why_unwise(uri, native=metadata.is_native)
            except MalformedURI as exc:
                yield Problem(name, f"contains {uri[:100]!r}, which {exc}")
                continue
            if why is not None and not may_be_unwise(uri):
                yield Problem(name, f"contains {uri[:100]!r}, which {why}; {_MAY}")


def name_the_field(sentence: str) -> str:
    """Return a problem's sentence for users of JSON or YAML, with the field instead of the option."""
    return sentence.replace(_MAY, _FIELD_MAY)


def unwise_uris(metadata: ClientMetadata) -> dict[str, str]:
    """Return the unwise redirect URIs of a client, each with the reason."""
    found = {}
    for uri in (uri for name in FIELDS for uri in getattr(metadata, name)):
        try:
            why = why_unwise(uri, native=metadata.is_native)
        except MalformedURI:
            # An older release accepted it.
            why = None
        if why is not None:
            found[uri] = why
    return found


def why_unwise(uri: str, *, native: bool) -> str | None:
    """Return why a redirect URI is unwise, or None. Raises MalformedURI if it is never allowed."""
    # registration §2: private-use schemes are for native apps; http is only for the person's own machine.
    if native and not uri.lower().startswith(("http:", "https:")):
        try:
            check_private_use_uri(uri)
        except MalformedURI:
            if not is_short_scheme_uri(uri):
                raise
            return _SHORT
        return None
    parsed = parse_web_uri(uri)
    if parsed.scheme == "https" or parsed.is_loopback:
        return None
    if parsed.stays_on_device or parsed.is_in_local_network:
        return _LOCAL
    raise MalformedURI("uses http, which is allowed only for localhost, 127.0.0.1 and [::1]")
