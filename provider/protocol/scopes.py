"""The claims of each scope (core §5.4), and the standard claims (core §5.1)."""

from collections.abc import Collection, Mapping
from typing import Any

from provider.protocol.permissions import Permission

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"
PROFILE = "profile"
# Ours: required by the account API, which signs people out in their own name.
ACCOUNT = "account"
# Ours: required of an upstream for Global Token Revocation, in its own name and without any other scope.
GLOBAL_TOKEN_REVOCATION = "global_token_revocation"  # noqa: S105 – the name of a scope.
CLAIMS_OF_SCOPE: Mapping[str, tuple[str, ...]] = {
    PROFILE: (
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
STANDARD_SCOPES = (OPENID, *CLAIMS_OF_SCOPE, OFFLINE_ACCESS)
# Scopes about a person, which a client cannot have for itself.
PERSONAL_SCOPES = (*STANDARD_SCOPES, ACCOUNT)
# Scopes for a client itself, which no person can grant.
CLIENT_SCOPES = (GLOBAL_TOKEN_REVOCATION,)
# Scopes of the admin API: a service has them for itself, or an app for a person who has a role.
ADMIN_SCOPES: tuple[str, ...] = tuple(Permission)
STANDARD_CLAIMS = ("sub", *(claim for claims in CLAIMS_OF_SCOPE.values() for claim in claims))


def names_for(scopes: Collection[str]) -> frozenset[str]:
    """Return the names of the claims that these scopes request."""
    return frozenset().union(*[CLAIMS_OF_SCOPE.get(scope, ()) for scope in scopes])


def pick(names: Collection[str], account_claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return these claims of an account; core §5.3.2: one without a value is omitted, not null or empty."""
    return {
        name: value for name, value in account_claims.items() if name in names and value not in (None, "")
    }
