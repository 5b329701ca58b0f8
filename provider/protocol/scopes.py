"""Which claims a scope asks for (core §5.4), and what the standard claims are (core §5.1)."""

from collections.abc import Collection, Mapping
from typing import Any

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"
# Ours: what the account API asks for, in the name of the person who is signed out with it.
ACCOUNT = "account"
# Ours: what an upstream needs for Global Token Revocation, in its own name and with no other scope.
GLOBAL_TOKEN_REVOCATION = "global_token_revocation"  # noqa: S105 – the name of a scope.
CLAIMS_OF_SCOPE: Mapping[str, tuple[str, ...]] = {
    "profile": (
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
# They speak of a person, and a client alone cannot have them.
PERSONAL_SCOPES = (*STANDARD_SCOPES, ACCOUNT)
# They are for a client alone, and no person can grant them.
CLIENT_SCOPES = (GLOBAL_TOKEN_REVOCATION,)
STANDARD_CLAIMS = ("sub", *(claim for claims in CLAIMS_OF_SCOPE.values() for claim in claims))


def claims_for(scopes: Collection[str], account_claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of an account's claims that the scopes ask for; what is unknown is left out."""
    asked = (claim for scope, claims in CLAIMS_OF_SCOPE.items() if scope in scopes for claim in claims)
    # core §5.3.2: a claim without a value is omitted, not null and not empty.
    return {claim: account_claims[claim] for claim in asked if account_claims.get(claim) not in (None, "")}
