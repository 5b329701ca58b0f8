"""The components of the running application: settings and the services that need them.

The composition root installs them; rooms get them here and never see the framework.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from flask import Flask
from flask.globals import _cv_app as _context

from provider.config import Settings
from provider.infrastructure.data_keys import DataKeys
from provider.infrastructure.outbound_http import OutboundClient
from provider.infrastructure.rate_limits import RateLimits
from provider.infrastructure.secrets import SecretBox
from provider.infrastructure.task_queue import WakeUps

_NAME = "curfew"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Services:
    """The settings of one application, and its connections to other systems."""

    settings: Settings
    data_keys: DataKeys
    outbound: OutboundClient
    rate_limits: RateLimits
    wake_ups: WakeUps
    # Set when the server stops, for requests that only wait.
    stopping: threading.Event = field(default_factory=threading.Event)
    memo: dict[str, Any] = field(default_factory=dict)


def install(app: Flask, services: Services) -> None:
    """Give an application its services."""
    app.extensions[_NAME] = services


def services() -> Services:
    """Return the services of the current application."""
    # Read so often in a request that going through Flask's proxy would be noticeable.
    found: Services = _context.get().app.extensions[_NAME]
    return found


def settings() -> Settings:
    """Return the settings in force."""
    found: Services = _context.get().app.extensions[_NAME]
    return found.settings


def secret_box(*, at_least: int = 0) -> SecretBox:
    """Return the box that seals what is secret at rest, with its keys up to this generation."""
    return services().data_keys.box(at_least=at_least)


def data_keys() -> DataKeys:
    """Return where that box comes from."""
    return services().data_keys


def kept(name: str, make: Callable[[], T]) -> T:
    """Return the value that the current request or worker task keeps under a name."""
    here = _context.get().g
    return cast("T", here.get(name) or here.setdefault(name, make()))


def take_kept(name: str) -> Any:
    """Remove that value and return it; None if there is none."""
    return _context.get().g.pop(name, None)


def memo(name: str, make: Callable[[], T]) -> T:
    """Return an object that lasts as long as the application, made when it is first asked for."""
    known = services().memo
    if name not in known:
        known[name] = make()
    return cast("T", known[name])
