"""The pages after a sign-out, with a real worker that notifies the apps meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from provider.config import Settings
from tests.delivery.receivers import receiving
from tests.factories import make_account, make_client, make_session
from tests.faults.conftest import Broker, Worker
from tests.support.browsers import id_token_of, show_session

pytestmark = pytest.mark.processes
StartWorker = Callable[..., Worker]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The largest budget, because the machine may be busy."""
    return replace(settings, notify_budget=timedelta(seconds=2))


def sign_out(app: Flask, port: int) -> str:
    """Have red sign Ada out; where her browser is sent."""
    red = make_client("red", port=port)
    made = make_session(make_account("ada"), [red])
    request = {
        "id_token_hint": id_token_of(red, made.grants["red"]),
        "post_logout_redirect_uri": red.metadata_.post_logout_redirect_uris[0],
        "state": "s",
    }
    return show_session(app.test_client(), made).get("/session/end", query_string=request).headers["Location"]


@pytest.mark.spec("rpinitiated 7")
def test_once_every_app_has_accepted_the_browser_is_sent_back(
    app: Flask, broker: Broker, start_worker: StartWorker
) -> None:
    start_worker()
    with receiving(200) as red:
        assert sign_out(app, red.port) == f"http://127.0.0.1:{red.port}/signed-out?state=s"
        assert len(red.received) == 1


def test_while_an_app_answers_with_an_error_the_result_is_shown(
    app: Flask, broker: Broker, start_worker: StartWorker
) -> None:
    start_worker()
    with receiving(503) as red:
        assert sign_out(app, red.port).startswith("/session/ended/")
        assert red.received


def test_without_a_broker_the_result_is_shown_without_waiting(app: Flask) -> None:
    with receiving(200) as red:
        assert sign_out(app, red.port).startswith("/session/ended/")
