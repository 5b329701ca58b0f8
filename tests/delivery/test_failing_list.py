"""The list of failing endpoints: its order, and its pages."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from provider.delivery.degraded import Place, list_failing
from provider.delivery.models import BreakerState, EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.notice import BACKCHANNEL_LOGOUT

WEATHER = "weather"


@pytest.fixture
def failing(app: Flask) -> list[tuple[str, UUID]]:
    """Endpoints that fail or are being tried, in the order of the list; written in another order."""
    now = clock.now()
    id_1, id_2, id_3, id_4, id_5, id_6 = sorted(new_id() for _ in range(6))
    open_, recovering, works = BreakerState.OPEN, BreakerState.RECOVERING, BreakerState.CLOSED
    listed = [
        (BACKCHANNEL_LOGOUT, id_5, now - timedelta(hours=3), works),
        (BACKCHANNEL_LOGOUT, id_1, now - timedelta(hours=2), open_),
        (WEATHER, id_1, now - timedelta(hours=2), works),
        (BACKCHANNEL_LOGOUT, id_2, now - timedelta(hours=2), works),
        (BACKCHANNEL_LOGOUT, id_3, now - timedelta(hours=1), open_),
        (BACKCHANNEL_LOGOUT, id_4, None, recovering),
        (BACKCHANNEL_LOGOUT, id_6, None, open_),
    ]
    with transaction():
        for kind, recipient, since, state in [*reversed(listed), (WEATHER, id_2, None, works)]:
            db.session.add(
                EndpointHealth(kind=kind, recipient_id=recipient, failing_since=since, state=state)
            )
            db.session.flush()
    return [(kind, recipient) for kind, recipient, *_ in listed]


def shown(rows: list[EndpointHealth]) -> list[tuple[str, UUID]]:
    return [(row.kind, row.recipient_id) for row in rows]


def test_the_longest_failing_come_first_and_those_only_tried_last(failing: list[tuple[str, UUID]]) -> None:
    assert shown(list_failing()) == failing


def test_one_kind_can_be_listed_alone(failing: list[tuple[str, UUID]]) -> None:
    assert shown(list_failing(WEATHER)) == [one for one in failing if one[0] == WEATHER]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7])
def test_pages_show_each_endpoint_of_a_kind_once(failing: list[tuple[str, UUID]], limit: int) -> None:
    found: list[tuple[str, UUID]] = []
    place: Place | None = None
    while page := list_failing(BACKCHANNEL_LOGOUT, after=place, limit=limit):
        assert len(page) <= limit
        found += shown(page)
        place = Place.of(page[-1])

    assert found == [one for one in failing if one[0] == BACKCHANNEL_LOGOUT]
