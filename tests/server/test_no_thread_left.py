"""With every thread stuck in the application, a request still gets a response that says why."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from provider.server import BodyLimits, Front
from tests.support.waiting import PATIENCE


class Stuck:
    """A WSGI application that does not answer until it is released."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __call__(self, _environ, start_response):
        assert self.released.wait(30)
        start_response("200 OK", [])
        return [b""]


async def ask(front: Front, accept: str, path: bytes = b"/account") -> tuple[int, dict[bytes, bytes], bytes]:
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "http_version": "1.1",
        "raw_path": path,
        "query_string": b"",
        "headers": [(b"accept", accept.encode())],
    }
    await front(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_the_response_is_in_the_form_that_its_reader_expects(accept):
    stuck = Stuck()
    limits = BodyLimits(most_bytes=100, deadline=5)

    async def play():
        front = Front(stuck, threads=1, limits=limits, patience=0.1)
        # One takes the thread, one the thread that would refuse it.
        asked = [asyncio.create_task(ask(front, accept)) for _ in range(3)]
        (response,), _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        stuck.released.set()
        await asyncio.gather(*asked)
        return response.result()

    with ThreadPoolExecutor(1) as thread:
        status, headers, body = thread.submit(lambda: asyncio.run(play())).result(PATIENCE)

    assert status == 503
    assert headers[b"retry-after"] == b"5"
    assert headers[b"content-type"].startswith(accept.encode())
    if accept == "text/html":
        assert b"busy" in body
    else:
        assert json.loads(body)["error"] == "temporarily_unavailable"


@pytest.mark.parametrize("path", [b"/health/live", b"/auth/health/live"])
def test_a_probe_has_a_thread_of_its_own_below_the_issuers_path_too(path):
    stuck = Stuck()
    limits = BodyLimits(most_bytes=100, deadline=5)

    def application(environ, start_response):
        if environ["PATH_INFO"].endswith("/health/live"):
            start_response("200 OK", [])
            return [b""]
        return stuck(environ, start_response)

    async def play():
        front = Front(
            application,
            threads=1,
            limits=limits,
            patience=30,
            issuer_path="/auth",
            own_threads={"/health/live": 1},
        )
        waiting = asyncio.create_task(ask(front, "text/html"))
        await asyncio.sleep(0)
        response = await asyncio.wait_for(ask(front, "text/html", path), 20)
        stuck.released.set()
        await waiting
        return response

    with ThreadPoolExecutor(1) as thread:
        status, _, _ = thread.submit(lambda: asyncio.run(play())).result(PATIENCE)

    assert status == 200
