"""The sign-in of this device in the secret store: the person and the tokens."""

import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

from relying_party_demo.dpop import DPoPKey
from relying_party_demo.native.secret_store import SecretStore

# Tokens are refreshed this early, so that they do not expire in transit.
EARLY_SECONDS = 30.0
_ACCOUNT, _ACCESS_TOKEN, _REFRESH_TOKEN, _KEY = "account", "access_token", "refresh_token", "dpop_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The content of a token response."""

    access_token: str = field(repr=False)
    expires_at: float
    refresh_token: str | None = field(repr=False)

    @property
    def is_fresh(self) -> bool:
        """Whether the access token is worth sending, as far as this device knows."""
        return self.expires_at - EARLY_SECONDS > time.time()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """One person's sign-in on this device."""

    sub: str
    # Generated at the sign-in, to distinguish it from an earlier one of the same person.
    local_id: str
    scope: str
    push_registration: str
    tokens: Tokens
    key: DPoPKey = field(repr=False)

    def with_tokens(self, tokens: Tokens) -> "SignIn":
        """Return this sign-in after a refresh."""
        return replace(self, tokens=tokens)


class SignInRecord:
    """The one sign-in in the secret store."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets

    def load(self) -> SignIn | None:
        """Return the sign-in, or None. Raises StoreUnavailable."""
        account, key = self._read_object(_ACCOUNT), self._secrets.read(_KEY)
        access = self._read_object(_ACCESS_TOKEN)
        if account is None or access is None or key is None:
            return None
        try:
            return SignIn(
                **{name: str(account[name]) for name in ("sub", "local_id", "scope", "push_registration")},
                tokens=Tokens(
                    access_token=str(access["value"]),
                    expires_at=float(access["expires_at"]),
                    refresh_token=self._secrets.read(_REFRESH_TOKEN),
                ),
                key=DPoPKey.from_stored(key),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def save(self, sign_in: SignIn) -> None:
        """Store a new sign-in; the account comes last, so that an interrupted sign-in does not count."""
        self._secrets.write(_KEY, sign_in.key.to_store())
        self.save_tokens(sign_in.tokens)
        account = {
            "sub": sign_in.sub,
            "local_id": sign_in.local_id,
            "scope": sign_in.scope,
            "push_registration": sign_in.push_registration,
        }
        self._secrets.write(_ACCOUNT, json.dumps(account))

    def save_tokens(self, tokens: Tokens) -> None:
        """Store the tokens of a refresh; the refresh token first, because the old one is used up."""
        if tokens.refresh_token is not None:
            self._secrets.write(_REFRESH_TOKEN, tokens.refresh_token)
        access = {"value": tokens.access_token, "expires_at": tokens.expires_at}
        self._secrets.write(_ACCESS_TOKEN, json.dumps(access))

    def forget(self) -> None:
        """Delete the sign-in, including the remains of an interrupted sign-in or sign-out."""
        for name in (_ACCOUNT, _ACCESS_TOKEN, _REFRESH_TOKEN, _KEY):
            self._secrets.delete(name)

    def _read_object(self, name: str) -> dict[str, Any] | None:
        text = self._secrets.read(name)
        try:
            found = json.loads(text) if text else None
        except ValueError:
            return None
        return found if isinstance(found, dict) else None
