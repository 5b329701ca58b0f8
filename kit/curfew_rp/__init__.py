"""The app's half of a sign-out: receives Logout Tokens, and rejects sessions that have ended.

Works with every provider that implements OpenID Connect Back-Channel Logout 1.0. The core needs no web
framework; `curfew_rp.flask`, `curfew_rp.django` and `curfew_rp.starlette` connect it to one.
"""

from curfew_rp.errors import CannotTell, InvalidLogoutToken, ProviderUnreachable, StoreUnavailable
from curfew_rp.provider_keys import ProviderKeys
from curfew_rp.receiver import Answer, Logout, LogoutReceiver, make_receiver
from curfew_rp.session_index import SessionIndex, SignIn
from curfew_rp.stores import MemoryStore, Store, store_from_url

__all__ = [
    "Answer",
    "CannotTell",
    "InvalidLogoutToken",
    "Logout",
    "LogoutReceiver",
    "MemoryStore",
    "ProviderKeys",
    "ProviderUnreachable",
    "SessionIndex",
    "SignIn",
    "Store",
    "StoreUnavailable",
    "make_receiver",
    "store_from_url",
]
