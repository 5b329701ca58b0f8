"""A body is read to its end and no further: each look at the network hands the request to another thread."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from provider.server.body import BodyLimits, SenderGone, read_body
from tests.support.waiting import PATIENCE

LIMITS = BodyLimits(most_bytes=100, deadline=30)
GONE = {"type": "http.disconnect"}


def chunk(body: bytes, *, more: bool) -> dict[str, object]:
    return {"type": "http.request", "body": body, "more_body": more}


def read(messages: Iterator[dict[str, object]], announced: int | None) -> bytes:
    async def receive() -> dict[str, object]:
        return next(messages)

    # In a thread of its own: a browser's loop may be running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, read_body(receive, LIMITS, announced)).result(PATIENCE)


@pytest.mark.parametrize(
    ("announced", "left"),
    [
        pytest.param(4, 1, id="the last announced byte ends it"),
        pytest.param(None, 0, id="without a length its end is waited for"),
    ],
)
def test_no_more_is_read_than_belongs_to_it(announced, left):
    messages = iter([chunk(b"ab", more=True), chunk(b"cd", more=True), chunk(b"", more=False)])

    assert read(messages, announced) == b"abcd"
    assert len(list(messages)) == left


def test_a_sender_that_leaves_before_the_last_announced_byte_is_gone():
    with pytest.raises(SenderGone):
        read(iter([chunk(b"ab", more=True), GONE]), announced=4)
