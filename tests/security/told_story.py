"""The full story, played once by a process of the test run and put back for each test after that.

Its thirty requests are a third of what a test about its end costs.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.config import Settings
from provider.infrastructure import current
from provider.infrastructure.database import db
from tests.conftest import TurnedClock
from tests.security.full_story import FullStory
from tests.support.databases import Rows, copy_rows, put_back
from tests.support.reads import end_read

PARTIES = ("red", "green", "service", "tv")
PAGES = ("consent_page", "sign_in_page", "confirm_page")


@dataclass(frozen=True)
class Told:
    """A story as it was when it had just been played."""

    story: FullStory
    rows: Rows
    instant: datetime
    cookies: dict[Any, Any]
    account_id: UUID
    client_ids: dict[str, UUID]


# By the settings, apart from the folder of each test.
_told: dict[Settings, Told] = {}


def full_story(app: Flask, browser: Callable[[], FlaskClient], clock: TurnedClock) -> FullStory:
    """A full story in the present test's database, and its clock as the story has left it."""
    settings = current.settings()
    kind = replace(settings, data_dir=Path())
    if kind not in _told:
        story = FullStory(app, browser, clock)
        _told[kind] = _as_told(story, settings.resolved_database_url)
        return story
    told = _told[kind]
    put_back(settings.resolved_database_url, told.rows)
    clock.instant = told.instant
    return _again(told, app, browser, clock)


def _as_told(story: FullStory, database_url: str) -> Told:
    kept = copy(story)
    kept.tokens = dict(story.tokens)
    return Told(
        story=kept,
        rows=copy_rows(database_url),
        instant=story.clock.instant,
        cookies=dict(story.http._cookies),
        account_id=story.ada.id,
        client_ids={name: getattr(story, name).client.id for name in PARTIES},
    )


def _again(told: Told, app: Flask, browser: Callable[[], FlaskClient], clock: TurnedClock) -> FullStory:
    """Return the story with objects of the present test: its application, browser, clock and rows."""
    story = copy(told.story)
    story.app, story.browser, story.clock, story.http = app, browser, clock, browser()
    story.http._cookies.update(told.cookies)
    story.tokens = dict(told.story.tokens)
    story.ada = db.session.get_one(Account, told.account_id)
    for name in PARTIES:
        party = copy(getattr(told.story, name))
        party.client = db.session.get_one(Client, told.client_ids[name])
        party.http = app.test_client(use_cookies=False)
        setattr(story, name, party)
    for name in PAGES:
        page = copy(getattr(told.story, name))
        page.browser = story.http
        setattr(story, name, page)
    end_read()
    return story
