"""Whether a receipt of a logout is genuine, judged only by published keys, without settings or database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from provider.inspection.receipt_form import CLAIM, LARGEST, VERSION, Content
from provider.keys import jwt
from provider.keys.jwt import InvalidJWT, UnverifiedJWT
from provider.protocol import strict_json


class InvalidReceipt(Exception):
    """The document is no genuine receipt; the sentence says why."""


class InvalidKeys(Exception):
    """The keys are no JWK Set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A receipt with a valid signature: its issuer, time, key and content."""

    issuer: str
    issued_at: datetime
    kid: str
    alg: str
    content: Content


def check(document: bytes, keys: Sequence[Mapping[str, object]], *, issuer: str | None = None) -> Checked:
    """Return the content of a receipt, if one of these keys signed it; `issuer` None accepts any.

    Raises InvalidReceipt.
    """
    try:
        text = document.decode("ascii").strip()
    except UnicodeDecodeError as exc:
        raise InvalidReceipt("it is not a signed document (compact JWS)") from exc
    try:
        claims, header = jwt.verify_with(UnverifiedJWT(text), keys, typ=jwt.RECEIPT_TYP, largest=LARGEST)
    except InvalidJWT as exc:
        raise InvalidReceipt(str(exc)) from exc
    issued_by, issued_at = claims.get("iss"), claims.get("iat")
    if not isinstance(issued_by, str):
        raise InvalidReceipt("it names no issuer")
    if issuer not in (None, issued_by):
        raise InvalidReceipt(f"it was issued by {issued_by:.200}, not by {issuer}")
    content = _read(claims.get(CLAIM))
    return Checked(issuer=issued_by, issued_at=_instant(issued_at), content=content, **header)


def read_keys(document: bytes | str) -> list[Mapping[str, object]]:
    """Return the keys of a JWK Set (rfc7517 §5). Raises InvalidKeys."""
    try:
        keys = strict_json.load_object(document).get("keys")
    except ValueError as exc:
        raise InvalidKeys(f"not a JWK Set: {exc}") from exc
    if not isinstance(keys, list) or not keys or not all(isinstance(one, dict) for one in keys):
        raise InvalidKeys("not a JWK Set: it has no list of keys")
    return list(keys)


def _read(said: object) -> Content:
    version = said.get("version") if isinstance(said, dict) else None
    if version != VERSION:
        raise InvalidReceipt(f"its content has the version {version!s:.20}; this release reads {VERSION}")
    try:
        return msgspec.convert(said, Content)
    except msgspec.ValidationError as exc:
        raise InvalidReceipt(f"its content cannot be read: {exc}") from exc


def _instant(value: object) -> datetime:
    try:
        return datetime.fromtimestamp(value, UTC)  # type: ignore[arg-type]  # what is no number raises.
    except (TypeError, ValueError, OverflowError, OSError) as exc:
        raise InvalidReceipt("it does not say when it was issued") from exc
