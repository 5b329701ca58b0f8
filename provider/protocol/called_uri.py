"""URIs that the provider itself calls: registration and the outbound client share this grammar.

It is the grammar of web URIs without the parts that servers and libraries read in different ways (URL-06,
URL-09). So the request goes to the registered URI byte for byte, and to the target that was checked.
"""

import re
from urllib.parse import unquote_to_bytes

from provider.protocol.uri import MalformedURI, WebURI, parse_web_uri

# Space, percent, dot, slash and backslash: servers disagree on what these mean in a path.
_AMBIGUOUS_ESCAPE = re.compile(r"%(?:2[05EFef]|5[Cc])")
# rfc3986 §2.3: letters, digits and -._~ mean the same without an escape, so libraries may remove it.
_NEEDLESS_ESCAPE = re.compile(r"%(?:2[DEde]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee])")


def parse_called_uri(text: str) -> WebURI:
    """Parse a URI that the provider is to call. Raises MalformedURI if it can be read in two ways."""
    uri = parse_web_uri(text)
    if uri.path.startswith("//"):
        raise MalformedURI("has a path that starts with //")
    if _AMBIGUOUS_ESCAPE.search(uri.path):
        raise MalformedURI("has an escaped space, percent sign, dot, slash or backslash in its path")
    if _NEEDLESS_ESCAPE.search(uri.request_target):
        raise MalformedURI("has a needless escape: letters, digits and -._~ stand for themselves")
    try:
        unquote_to_bytes(uri.request_target).decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedURI("has percent-encoding that is not UTF-8") from None
    return uri
