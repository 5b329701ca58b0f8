"""The applications that tests use differ in what they are composed with."""

import io
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import ClassVar

import pytest

from provider.app import compose_services, create_app
from provider.config import Settings
from provider.infrastructure import event_log
from provider.infrastructure.engine import Role
from tests.support.applications import COMPOSED_WITH, application

# The folder is made for each test.
OF_EACH_TEST = {"data_dir"}


class NotingSettings(Settings):
    """Settings that count how often each of them is read."""

    read: ClassVar[Counter[str]] = Counter()

    def __getattribute__(self, name: str) -> object:
        type(self).read[name] += not name.startswith("_")
        return super().__getattribute__(name)


def read_by(act: Callable[[Settings], object], settings: Settings) -> Counter[str]:
    """Count the reads of each setting in an act."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    noting = NotingSettings(**values)
    NotingSettings.read.clear()
    act(noting)
    return Counter({name: NotingSettings.read[name] for name in values})


@pytest.fixture
def database_url(sqlite_url):
    """Nothing here is asked of a database."""
    return sqlite_url


@pytest.mark.parametrize("role", [Role.WEB, Role.COMMAND])
def test_applications_of_one_kind_are_composed_with_the_same_settings(settings, role):
    # Each test has services of its own.
    composed_with = read_by(partial(create_app, role=role), settings) - read_by(compose_services, settings)

    assert set(composed_with) - OF_EACH_TEST <= set(COMPOSED_WITH)


def test_a_known_application_logs_to_the_stream_of_the_test(settings, monkeypatch):
    application(settings)
    monkeypatch.setattr(sys, "stderr", written := io.StringIO())

    application(settings)
    event_log.warning("seen_by_this_test")

    assert "seen_by_this_test" in written.getvalue()


def test_a_template_is_compiled_once_for_all_applications(settings):
    apps = [
        application(replace(settings, issuer=issuer)) for issuer in ("https://one.test", "https://two.test")
    ]

    one, other = (app.jinja_env.get_template("error.html").root_render_func for app in apps)

    assert one.__globals__ is not other.__globals__
    assert one.__code__ is other.__code__
