"""The two lists of the account page, each shown in parts that begin after the last entry shown before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar
from uuid import UUID

from flask import url_for

from provider.holdings.apps import HeldApp, list_held_apps
from provider.holdings.queries import HeldSession, list_held_sessions
from provider.logout.preview import Preview
from provider.sessions.queries import FoundSession
from provider.web.cursors import read_cursor

# A person does not read a longer list entry by entry.
MOST_ROWS = 50
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The position in each list: after this session, after this client; None is the top."""

    sessions: UUID | None = None
    apps: UUID | None = None

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Places":
        """Read the positions from the address of the page."""
        return cls(
            sessions=read_cursor("sessions", parameters.get("sessions")),
            apps=read_cursor("apps", parameters.get("apps")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[Row]):
    """One page of a list, and the addresses of the next and the first page."""

    rows: Sequence[Row]
    more_url: str | None
    top_url: str | None


def part_of_sessions(found: FoundSession, preview: Preview, places: Places) -> Part[HeldSession]:
    """Return some of the person's sessions; this browser's own comes first."""
    held = list_held_sessions(found.account.id, after=places.sessions, limit=MOST_ROWS + 1)
    shown = held[:MOST_ROWS]
    others = [one for one in shown if one.session.id != found.session.id]
    own = HeldSession(session=found.session, apps=tuple(app.client for app in preview.apps))
    return Part(
        rows=others if places.sessions else [own, *others],
        more_url=_address(places, sessions=shown[-1].session.id) if len(held) > MOST_ROWS else None,
        top_url=_address(places, sessions=None) if places.sessions else None,
    )


def part_of_apps(found: FoundSession, preview: Preview, places: Places) -> Part[HeldApp]:
    """Return some of the person's apps, by name."""
    held = list_held_apps(found.session, after=places.apps, limit=MOST_ROWS + 1)
    shown = held[:MOST_ROWS]
    return Part(
        rows=sorted(
            shown if len(held) > MOST_ROWS or places.apps else [*shown, *_without_grant(preview, held)],
            key=lambda app: app.client.display_name.casefold(),
        ),
        more_url=_address(places, apps=shown[-1].client.id) if len(held) > MOST_ROWS else None,
        top_url=_address(places, apps=None) if places.apps else None,
    )


def _without_grant(preview: Preview, held: Sequence[HeldApp]) -> list[HeldApp]:
    """Return the apps of this browser without a valid grant: their client sessions can still be ended."""
    known = {app.client.id for app in held}
    return [HeldApp(client=app.client) for app in preview.apps if app.client.id not in known]


def _address(places: Places, **place: UUID | None) -> str:
    """Return the address that moves to another place in one list and keeps the place in the other."""
    there = replace(places, **place)
    return url_for("pages.account", sessions=there.sessions, apps=there.apps, _anchor=next(iter(place)))
