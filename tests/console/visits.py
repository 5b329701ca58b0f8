"""The screens of the console that a story in a browser visits: it names them, and the server has seen it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flask import Flask, request, request_started

from provider.console import GROUP
from provider.web.route import Speaks

Story = TypeVar("Story", bound=Callable[..., None])
# What is no screen: the steps of signing in.
_STEPS = {"callback", "switch"}
VISITED: set[str] = set()


def screens() -> set[str]:
    """The endpoints of all screens of the console, with the files and parts that they offer."""
    pages = [one for one in GROUP.routes if "GET" in one.methods and one.speaks is Speaks.PAGE]
    return {f"console.{one.name}" for one in pages if one.name not in _STEPS} | {"admin_api.docs"}


def visits(*names: str) -> Callable[[Story], Story]:
    """Say which screens a story visits; it fails if it does not."""
    endpoints = {name if "." in name else f"console.{name}" for name in names}

    def note(story: Story) -> Story:
        VISITED.update(endpoints)
        story.__dict__["visits"] = endpoints
        return story

    return note


@contextmanager
def watched(app: Flask) -> Iterator[set[str]]:
    """Collects the endpoints that the application is asked for."""
    seen: set[str] = set()

    def see(_sender: Flask) -> None:
        seen.add(request.endpoint or "")

    with request_started.connected_to(see, app):
        yield seen
