"""The list of audit events says what is written, no less and no more."""

import ast
from functools import cache

import pytest

from provider.audit.queries import list_events
from provider.audit.record import UndeclaredField, record
from provider.audit.tags import EventTag
from provider.infrastructure.database import transaction
from tests.architecture.sources import trees

TAGS = "provider/audit/tags.py"
# Kept so that entries of earlier releases can be read.
NO_LONGER_WRITTEN = {EventTag.DELIVERY_REJECTED}
# These give the facts of a refusal, which is recorded elsewhere.
EXPLAIN_REFUSALS = (
    "provider/oauth/client_proof/failed_authentication.py",
    "provider/oauth/client_proof/encryption.py",
    "provider/oauth/authorization/request.py",
)


@cache
def sources_outside() -> dict[str, ast.Module]:
    return {path: tree for path, tree in trees("provider").items() if path != TAGS}


def names_in(tree: ast.Module) -> set[str]:
    """The keywords, strings and attributes of a file."""
    words = set()
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg=str(name)) | ast.Attribute(attr=name):
                words.add(name)
            case ast.Constant(value=str(text)):
                words.add(text)
    return words


@cache
def names_outside() -> list[set[str]]:
    return [names_in(tree) for tree in sources_outside().values()]


def files_that_write(tag: EventTag) -> list[set[str]]:
    # Steps of a key are recorded under `key_` and the step.
    words = {tag.name} if not tag.startswith("key_") else {tag.removeprefix("key_")}
    return [names for names in names_outside() if words <= names]


@pytest.mark.parametrize("tag", EventTag)
def test_an_event_has_a_meaning_and_is_written_somewhere(tag):
    assert tag.meaning.endswith(".")
    assert bool(files_that_write(tag)) is (tag not in NO_LONGER_WRITTEN)


@pytest.mark.parametrize("tag", sorted(set(EventTag) - NO_LONGER_WRITTEN))
def test_a_declared_field_is_written_where_the_event_is(tag):
    written = set().union(*files_that_write(tag))
    if tag is EventTag.CLIENT_REFUSED:
        written = written.union(*(names_in(sources_outside()[path]) for path in EXPLAIN_REFUSALS))

    assert set(tag.fields) <= written


def test_an_undeclared_field_is_a_warning(app):
    with pytest.warns(UndeclaredField, match="^account_enabled declares no client_id, mood$"), transaction():
        record(EventTag.ACCOUNT_ENABLED, actor="admin", client_id="red", mood="good")

    assert list_events()[0].detail == {"mood": "good"}


def test_a_declared_field_without_a_value_is_no_warning(app):
    with transaction():
        record(EventTag.SIGN_IN_REFUSED, actor="account", account_id=None, reason=None)

    assert list_events()[0].detail == {"reason": None}


def test_calls_give_only_declared_fields():
    common = {"actor", "by", "ip"}
    undeclared = []
    for path, tree in sources_outside().items():
        for node in ast.walk(tree):
            match node:
                case ast.Call(args=[ast.Attribute(value=ast.Name("EventTag"), attr=name)], keywords=given):
                    # A field without a value may be given for symmetry.
                    filled = {one.arg for one in given if one.arg and not is_none(one.value)} - common
                    undeclared += [(path, name, one) for one in filled.difference(EventTag[name].fields)]

    assert undeclared == []


def is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
