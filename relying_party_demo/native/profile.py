"""The profile of the person who is signed in, from the provider (core §5.3)."""

from curfew_rp.errors import ProviderUnreachable
from curfew_rp.provider_keys import Document
from relying_party_demo.native import api
from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.locks import changing
from relying_party_demo.native.plain_text import plain
from relying_party_demo.native.refusals import Code, Refused, SessionEnded
from relying_party_demo.native.sign_in_record import SignIn


def ask_profile(app: NativeApp, begun: SignIn) -> Document:
    """Call userinfo and store its response. Raises SessionEnded, Refused or ProviderUnreachable."""
    document = api.call(app, begun, app.provider.endpoint("userinfo_endpoint")).document()
    # core §5.3.2: if the sub is another one, the UserInfo Response values MUST NOT be used.
    if document.get("sub") != begun.sub:
        raise Refused(Code.OTHER, "the provider answers for another person")
    with changing(app.config.data_dir):
        now = app.record.load()
        if now is not None and now.local_id == begun.local_id:
            app.data_of(begun).write_profile(document)
    return document


def fetch_profile(app: NativeApp, begun: SignIn, claims: Document) -> Document:
    """Call userinfo, or fall back to the ID Token's claims: the person is signed in either way."""
    try:
        return ask_profile(app, begun)
    except (SessionEnded, Refused, ProviderUnreachable):
        return claims


def name_of(claims: Document) -> str:
    """Return the name of a person for the terminal."""
    return plain(str(claims.get("name") or claims.get("preferred_username") or claims.get("sub")))
