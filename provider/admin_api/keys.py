"""Signing keys: list them, rotate them, withdraw a stolen one."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from provider.admin_api.inputs import Input
from provider.admin_api.operation import Call, Operation, Response
from provider.administration import signing_keys
from provider.keys import queries
from provider.keys.lifecycle import KeyChange
from provider.keys.models import SigningKey
from provider.protocol.permissions import Permission

Algorithm = Annotated[str, Meta(max_length=16, description="Such as RS256.")]


class RotateKeys(Input, frozen=True, kw_only=True):
    """The keys to replace: that of one algorithm, or all."""

    alg: Algorithm | None = None
    # Whether the successor signs at once, before relying parties have had time to fetch it.
    now: bool = False


class CompromisedKey(Input, frozen=True, kw_only=True):
    """A key that was stolen."""

    kid: Annotated[str, Meta(min_length=1, max_length=128)]


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A signing key; its private part is never shown."""

    kid: str
    alg: str
    state: str
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None
    hint_only_at: datetime | None
    destroyed_at: datetime | None


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All keys."""

    items: list[KeyView]


class KeyChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """The change of one key."""

    event: str
    kid: str
    alg: str


class KeyChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of the keys; empty if nothing had to change."""

    items: list[KeyChangeView]


def list_keys(call: Call) -> Response:
    """Answer with all keys."""
    return Response(body=call.read(lambda: KeyList(items=[_view(one) for one in queries.list_keys()])))


def rotate_keys(call: Call) -> Response:
    """Publish successors."""
    asked: RotateKeys = call.body
    return call.transact(lambda: _changes(signing_keys.rotate(asked.alg, now=asked.now)))


def compromise_key(call: Call) -> Response:
    """Withdraw a stolen key."""
    asked: CompromisedKey = call.body
    return call.transact(lambda: _changes(signing_keys.compromise(asked.kid)))


def _changes(changes: list[KeyChange]) -> Response:
    return Response(
        body=KeyChanges(items=[KeyChangeView(event=one.event, kid=one.kid, alg=one.alg) for one in changes])
    )


def _view(key: SigningKey) -> KeyView:
    return KeyView(**{name: getattr(key, name) for name in KeyView.__struct_fields__})


OPERATIONS = (
    Operation(
        method="GET",
        rule="/keys",
        name="list_keys",
        summary="List the signing keys with their states.",
        permission=Permission.READ,
        view=list_keys,
        response=KeyList,
    ),
    Operation(
        method="POST",
        rule="/keys/rotate",
        name="rotate_keys",
        summary="Publish successors, which sign once relying parties have had time to fetch them.",
        permission=Permission.ROTATE_KEYS,
        view=rotate_keys,
        body=RotateKeys,
        response=KeyChanges,
        fresh=True,
    ),
    Operation(
        method="POST",
        rule="/keys/compromise",
        name="compromise_key",
        summary="Withdraw a stolen key at once and permanently.",
        permission=Permission.ROTATE_KEYS,
        view=compromise_key,
        body=CompromisedKey,
        response=KeyChanges,
        fresh=True,
    ),
)
