"""The people of the demo: accounts with their claims, and what the apps register."""

from dataclasses import dataclass, field
from typing import Any

from demo.plan import PHONE_SCOPE, Plan
from provider.accounts.roles import Role

# Every app may request all of these; only green keeps access after a sign-out (offline_access), only red
# signs people out everywhere on its own (account), and only blue calls APIs.
SCOPE = "openid profile email address phone offline_access"
_MORE_SCOPES = {"red": "account", "blue": "balance"}


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person with an account."""

    username: str
    # The demo's passwords are printed at every start and protect nothing.
    password: str = field(repr=False)
    claims: dict[str, Any]
    # What the person may administer.
    role: Role | None = None


ADA = Person(
    username="ada",
    password="analytical-engine-1843",  # noqa: S106 – printed for everybody.
    claims={
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "middle_name": "Augusta",
        "nickname": "Ada",
        "preferred_username": "ada",
        "profile": "https://people.example/ada",
        "picture": "https://people.example/ada.png",
        "website": "https://ada.example",
        "email": "ada@example.com",
        "email_verified": True,
        "gender": "female",
        "birthdate": "1815-12-10",
        "zoneinfo": "Europe/London",
        "locale": "en-GB",
        "phone_number": "+44 20 7946 0018",
        "phone_number_verified": True,
        "address": {
            "formatted": "12 St James's Square\nLondon\nSW1Y 4JH\nUnited Kingdom",
            "street_address": "12 St James's Square",
            "locality": "London",
            "region": "Greater London",
            "postal_code": "SW1Y 4JH",
            "country": "United Kingdom",
        },
    },
)
BEN = Person(
    username="ben",
    password="lightning-kite-1752",  # noqa: S106 – printed for everybody.
    claims={
        "name": "Ben Franklin",
        "given_name": "Ben",
        "family_name": "Franklin",
        "preferred_username": "ben",
        "email": "ben@example.com",
        "email_verified": True,
    },
)
CLEO = Person(
    username="cleo",
    password="queen-of-the-nile-48",  # noqa: S106 – printed for everybody.
    claims={
        "name": "Cleo Philopator",
        "given_name": "Cleo",
        "family_name": "Philopator",
        "preferred_username": "cleo",
        "email": "cleo@example.com",
        "email_verified": True,
    },
    role=Role.ADMINISTRATOR,
)
PEOPLE = (ADA, BEN, CLEO)


def app_metadata(plan: Plan, name: str) -> dict[str, Any]:
    """Return the metadata that an app registers; its URLs follow the ports of this run."""
    url = plan.app_url(name)
    return {
        "client_name": name.capitalize(),
        "client_uri": url,
        "redirect_uris": [f"{url}/callback"],
        "post_logout_redirect_uris": [f"{url}/signed-out"],
        "backchannel_logout_uri": f"{url}/backchannel-logout",
        "grant_types": ["authorization_code", "refresh_token"],
        "id_token_signed_response_alg": "ES256",
        "scope": f"{SCOPE} {_MORE_SCOPES.get(name, '')}".strip(),
        # Blue's tokens are signed, so that an API may verify them without a request.
        "access_token_format": "jwt" if name == "blue" else "opaque",
    }


def phone_metadata() -> dict[str, Any]:
    """Return the metadata of the native app: public, on loopback, every token bound to the device's key."""
    return {
        "client_name": "Phone",
        "application_type": "native",
        # The port is free (rfc8252 §7.3).
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "dpop_bound_access_tokens": True,
        "scope": PHONE_SCOPE,
    }


def service_metadata(name: str) -> dict[str, Any]:
    """Return the metadata of a protected API: it introspects tokens, and exchanges those of the phones."""
    return {
        "client_name": name.capitalize(),
        "grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"],
        "scope": "balance",
    }
