"""Secrets at rest: the key-encryption key and the keys derived from it.

Each use has its own key by HKDF label (KEY-17), so a value made for one use is worthless in another.
"""

import base64
import os
import secrets as chance
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provider.config import Settings

_NONCE_BYTES = 12


class UnusableSecretKey(Exception):
    """The key file cannot be used; the sentence says why."""


@dataclass(frozen=True)
class SecretBox:
    """A key and the keys before it: the newest seals and signs, and every one opens what it once made.

    A generation counts the keys: that of the first is 0.
    """

    key: bytes = field(repr=False)
    # The newest first.
    former: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def generation(self) -> int:
        """The number of the newest key."""
        return len(self.former)

    @property
    def name(self) -> str:
        """Return an identifier of the newest key that does not reveal it."""
        return self.keyed_digest("name", "")[:32]

    def derive(self, label: str) -> bytes:
        """Return the newest 32-byte key of one use."""
        return _derive(self.key, label)

    def keyed_digest(self, label: str, value: str) -> str:
        """Return a digest that cannot be computed or guessed offline without the key (KEY-18)."""
        return _mac(self.key, label, value).hex()

    def keyed_digests(self, label: str, value: str) -> tuple[str, ...]:
        """Return the digests that each key makes, newest first, to find what any of them has made."""
        return tuple(_mac(key, label, value).hex() for key in (self.key, *self.former))

    def keyed_token(self, label: str, value: str) -> str:
        """Return a URL-safe token of 256 bits that follows only from a value and the newest key."""
        return _as_token(_mac(self.key, label, value))

    def keyed_tokens(self, label: str, value: str) -> tuple[str, ...]:
        """Return the tokens that each key makes, newest first."""
        return tuple(_as_token(_mac(key, label, value)) for key in (self.key, *self.former))

    def lasting_token(self, label: str, value: str) -> str:
        """Return the token that the first key makes: the same for ever, whatever keys come after it.

        For names that must not change, and where the first key is of no use to an attacker.
        """
        return _as_token(_mac((self.key, *self.former)[-1], label, value))

    def layered_digest(self, label: str, value: str, *, generation: int) -> str:
        """Return a digest that combines the keys of all generations up to this one.

        A stored digest is brought up to a newer key by one more layer, without the value itself.
        """
        digest = _mac(self._key_of(0), label, value).hex()
        return self.add_layers(label, digest, above=0, generation=generation)

    def add_layers(self, label: str, digest: str, *, above: int, generation: int) -> str:
        """Return what a layered digest becomes in a newer generation."""
        for number in range(above + 1, generation + 1):
            digest = _mac(self._key_of(number), label, digest).hex()
        return digest

    def encrypt(self, label: str, plain: bytes, *, bound_to: str) -> bytes:
        """Encrypt with AES-256-GCM; the result opens only for the same label and binding (KEY-13)."""
        nonce = chance.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.derive(label)).encrypt(nonce, plain, bound_to.encode())

    def decrypt(self, label: str, sealed: bytes, *, bound_to: str) -> bytes:
        """Open what `encrypt` made with any of the keys. Raises cryptography's InvalidTag otherwise."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key in (self.key, *self.former):
            with suppress(InvalidTag):
                return AESGCM(_derive(key, label)).decrypt(nonce, body, bound_to.encode())
        raise InvalidTag

    def encrypt_for(self, label: str, name: str, plain: bytes) -> bytes:
        """Encrypt with a key that only this random name has; the result opens only under the same name.

        For values that anyone may have made in any number: one key with random nonces must not encrypt more
        than 2³² of them (NIST SP 800-38D, 8.3).
        """
        nonce = chance.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(_mac(self.key, label, name)).encrypt(nonce, plain, None)

    def decrypt_for(self, label: str, name: str, sealed: bytes) -> bytes:
        """Open what `encrypt_for` made with any of the keys. Raises cryptography's InvalidTag otherwise."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key in (self.key, *self.former):
            # A text that is too short is a ValueError.
            with suppress(InvalidTag, ValueError):
                return AESGCM(_mac(key, label, name)).decrypt(nonce, body, None)
        raise InvalidTag

    def _key_of(self, generation: int) -> bytes:
        return (self.key, *self.former)[self.generation - generation]


# Deriving a key costs as much as a dozen digests by it. There are some labels for each of a few keys.
@lru_cache(maxsize=256)
def _derive(key: bytes, label: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=f"curfew:{label}".encode()).derive(key)


# Copying an HMAC that has its key takes a quarter of the time of creating one.
@lru_cache(maxsize=256)
def _keyed(key: bytes, label: str) -> HMAC:
    return HMAC(_derive(key, label), SHA256())


def _mac(key: bytes, label: str, value: str) -> bytes:
    mac = _keyed(key, label).copy()
    mac.update(value.encode("utf-8", "surrogatepass"))
    return mac.finalize()


def _as_token(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def open_secret_box(settings: Settings) -> SecretBox:
    """Return the box for the set key, or for the key file, which is made on first start.

    Raises UnusableSecretKey when the file is readable by others or holds something else.
    """
    if settings.secret_key:
        return SecretBox(_decode(settings.secret_key))
    return read_key_file(settings.data_dir / "secret.key")


def read_key_file(path: Path) -> SecretBox:
    """Return the box for a key file, which is made if there is none. Raises UnusableSecretKey."""
    if not path.exists():
        _make_key_file(path)
    if path.stat().st_mode & 0o077:
        raise UnusableSecretKey(f"{path} must be readable only by its owner (chmod 600)")
    try:
        return SecretBox(_decode(path.read_text(encoding="ascii").strip()))
    except ValueError:
        raise UnusableSecretKey(f"{path} does not hold 32 bytes in base64url") from None


def _make_key_file(path: Path) -> None:
    """Write a new key; the first of several processes wins and the others read what it wrote."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{chance.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123 – the mode must hold from the first byte.
        file.write(base64.urlsafe_b64encode(chance.token_bytes(32)).decode())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        # Another process was first; its key stands.
        pass
    finally:
        draft.unlink()


def _decode(text: str) -> bytes:
    key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(key) != 32:
        raise ValueError("the key-encryption key has 32 bytes")
    return key
