"""Claims of an ID Token (core §2). Signing it is `provider.keys.jwt`'s part."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock, current
from provider.keys import jwt

# core §3.1.3.6: the hash is the one of the signature's algorithm; Ed25519 signs with SHA-512.
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The sign-in that an ID Token names."""

    auth_time: datetime
    amr: str
    acr: str | None = None


def issue(
    client: Client,
    grant: Grant,
    *,
    sid: str,
    sign_in: SignIn,
    access_token: str | None = None,
    code: str | None = None,
    nonce: str | None = None,
    about_person: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Issue an ID Token for a client, signed by the algorithm that it registered.

    `about_person` are the claims about the person, added to those of the protocol; the caller decides which
    (core §5.4, §5.5).
    """
    alg = client.metadata_.id_token_signed_response_alg
    claims = {**about_person, **claims_of(client, grant, sid=sid, sign_in=sign_in, nonce=nonce)}
    # core §3.3.2.11: each hash binds the ID Token to the code or token returned with it.
    for name, value in (("at_hash", access_token), ("c_hash", code)):
        if value is not None:
            claims[name] = half_hash(value, alg=alg)
    return jwt.sign(claims, typ=jwt.ID_TOKEN_TYP, alg=alg)


def claims_of(
    client: Client, grant: Grant, *, sid: str, sign_in: SignIn, nonce: str | None
) -> dict[str, object]:
    """Return the claims; `aud` is a single string, for a list may name others (LIB-03)."""
    settings = current.settings()
    now = clock.now()
    claims: dict[str, object] = {
        "iss": settings.issuer,
        "sub": grant.sub,
        "aud": client.client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + settings.id_token_lifetime).timestamp()),
        "auth_time": int(sign_in.auth_time.timestamp()),
        # backchannel §2.1: the sid that a Logout Token will name.
        "sid": sid,
    }
    if sign_in.amr:
        claims["amr"] = sign_in.amr.split()
    if sign_in.acr:
        claims["acr"] = sign_in.acr
    if nonce is not None:
        claims["nonce"] = nonce
    return claims


def half_hash(value: str, *, alg: str) -> str:
    """Return the left half of a value's hash, as `at_hash` has it; an unknown algorithm fails (ABU-38)."""
    digest = (hashlib.sha512 if alg == "EdDSA" else _HASHES[alg[-3:]])(value.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
