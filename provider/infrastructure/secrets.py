"""What is kept secret at rest: the key-encryption key and everything derived from it.

Each use has its own key by HKDF label (KEY-17), so a value made for one use is nothing in another.
"""

import base64
import hashlib
import hmac
import os
import secrets as chance
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provider.config import Settings

_NONCE_BYTES = 12


class UnusableSecretKey(Exception):
    """The key file cannot be used; the sentence says why."""


@dataclass(frozen=True)
class SecretBox:
    """Derives keys from the key-encryption key; encrypts, decrypts and makes keyed digests."""

    key: bytes = field(repr=False)

    def derive(self, label: str) -> bytes:
        """Return the 32-byte key of one use."""
        return HKDF(SHA256(), length=32, salt=None, info=f"curfew:{label}".encode()).derive(self.key)

    def keyed_digest(self, label: str, value: str) -> str:
        """Return a digest that cannot be made or tried out without the key (KEY-18)."""
        return hmac.new(
            self.derive(label), value.encode("utf-8", "surrogatepass"), hashlib.sha256
        ).hexdigest()

    def keyed_token(self, label: str, value: str) -> str:
        """Return a URL-safe token of 256 bits that follows from a value and the key alone."""
        raw = hmac.new(self.derive(label), value.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def encrypt(self, label: str, plain: bytes, *, bound_to: str) -> bytes:
        """Encrypt with AES-256-GCM; the result opens only for the same label and binding (KEY-13)."""
        nonce = chance.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.derive(label)).encrypt(nonce, plain, bound_to.encode())

    def decrypt(self, label: str, sealed: bytes, *, bound_to: str) -> bytes:
        """Open what `encrypt` made. Raises cryptography's InvalidTag for anything else."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return AESGCM(self.derive(label)).decrypt(nonce, body, bound_to.encode())


def open_secret_box(settings: Settings) -> SecretBox:
    """Return the box for the set key, or for the key file, which is made on first start.

    Raises UnusableSecretKey when the file is readable by others or holds something else.
    """
    if settings.secret_key:
        return SecretBox(_decode(settings.secret_key))
    path = settings.data_dir / "secret.key"
    if not path.exists():
        _make_key_file(path)
    if path.stat().st_mode & 0o077:
        raise UnusableSecretKey(f"{path} must be readable by its owner alone (chmod 600)")
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
