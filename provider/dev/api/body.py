"""Reads the JSON object in a request body, and reports what is wrong with it as JSON."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from flask import Response, jsonify, request

from provider.accounts.claims import InvalidClaims
from provider.accounts.names import InvalidUsername
from provider.accounts.password_rules import UnusablePassword
from provider.accounts.register import UsernameTaken
from provider.api.responses import instant
from provider.clients.options import InvalidOption
from provider.clients.register import ClientIDTaken, InvalidClientID
from provider.clients.secrets import UnusableSecret
from provider.protocol.client_metadata import InvalidClientMetadata
from provider.protocol.errors import InvalidRequest
from provider.protocol.json_object import is_sayable, read_json_object

T = TypeVar("T")
_REFUSALS = (
    *(InvalidUsername, UsernameTaken, UnusablePassword, InvalidClaims),
    *(InvalidOption, InvalidClientID, ClientIDTaken, UnusableSecret, InvalidClientMetadata),
)


def read_body(members: Collection[str] | None) -> dict[str, Any]:
    """Return the body's object, empty for an empty body; `members` None allows any.

    Raises InvalidRequest for an unknown member, which is probably misspelt.
    """
    body = request.get_data()
    given = read_json_object(body) if body else {}
    if not is_sayable(given):
        raise InvalidRequest("the body must not contain NUL or unpaired surrogates")
    unknown = sorted(given.keys() - set(members)) if members is not None else []
    if unknown:
        raise InvalidRequest(f"unknown member {unknown[0]!r}; known are {', '.join(sorted(members or ()))}")
    return given


def member(given: dict[str, Any], name: str, kind: type[T], default: T) -> T:
    """Return a member of the body, or a default where it is missing or null. Raises InvalidRequest."""
    value = given.get(name)
    if value is None:
        return default
    # In JSON, 1 and 1.0 are the same number; True is not a number.
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise InvalidRequest(f"{name} must be {_WORDS[kind]}")
    return value


_WORDS: dict[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "an array",
}


@contextmanager
def refusals_as_errors() -> Iterator[None]:
    """Turn the errors of other rooms into InvalidRequest."""
    try:
        yield
    except _REFUSALS as exc:
        raise InvalidRequest(str(exc)) from exc


def refusing(view: Callable[..., Response]) -> Callable[..., Response]:
    """Make a view respond with errors of other rooms as InvalidRequest."""

    @wraps(view)
    def refused(**values: Any) -> Response:
        with refusals_as_errors():
            return view(**values)

    return refused


def created(value: object) -> Response:
    """Return the response for a new object."""
    response = jsonify(value)
    response.status_code = 201
    return response


def at(value: Any) -> str | None:
    """Return an instant as it is written in JSON."""
    return None if value is None else instant(value)
