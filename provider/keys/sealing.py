"""Private keys at rest: encrypted, and bound to the row and use for which they were made (KEY-13)."""

from contextlib import suppress

from cryptography.exceptions import InvalidTag

from provider.infrastructure import current
from provider.infrastructure.database import reading
from provider.keys import algorithms, queries
from provider.keys.algorithms import PrivateKey

_LABEL = "signing-key"


class UnreadableKey(Exception):
    """A stored private key cannot be unsealed: the secret key differs, or the row was tampered with."""


def seal(private_key: PrivateKey, *, kid: str, alg: str) -> bytes:
    """Encrypt a private key for its row."""
    return current.secret_box().encrypt(_LABEL, algorithms.to_der(private_key), bound_to=_binding(kid, alg))


def unseal(sealed: bytes, *, kid: str, alg: str) -> PrivateKey:
    """Decrypt a row's private key; a ciphertext moved from another row or use is refused."""
    return algorithms.from_der(_open(sealed, kid=kid, alg=alg))


def seal_anew(sealed: bytes, *, kid: str, alg: str) -> bytes:
    """Return a row's private key, sealed with the newest data key."""
    plain = _open(sealed, kid=kid, alg=alg)
    return current.secret_box().encrypt(_LABEL, plain, bound_to=_binding(kid, alg))


def check_secret_key() -> None:
    """Raise WrongSecretKey or UnreadableKey if the database was sealed with another secret key."""
    current.secret_box()
    with reading():
        rows = queries.list_sealed_rows()
    for row in rows:
        try:
            unseal(row.sealed_private_key, kid=row.kid, alg=row.alg)
        except UnreadableKey as exc:
            failure = exc
        else:
            return
    if rows:
        raise failure


def _open(sealed: bytes, *, kid: str, alg: str) -> bytes:
    # Another process may have sealed it with a newer data key, which this one has to load first.
    for box in (current.secret_box, current.data_keys().look_again):
        with suppress(InvalidTag):
            return box().decrypt(_LABEL, sealed, bound_to=_binding(kid, alg))
    raise UnreadableKey(f"the signing key {kid} does not open with the secret key that is set")


def _binding(kid: str, alg: str) -> str:
    return f"{kid}|{alg}|sign"
