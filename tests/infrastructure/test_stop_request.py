"""A request to stop, as those who wait for it and the handlers of signals see it."""

import signal
from threading import Thread

from provider.infrastructure.stop_request import StopRequest
from tests.support.waiting import PATIENCE


def test_it_is_made_once_and_for_all():
    stop = StopRequest()
    assert (stop.is_made(), stop.wait(0)) == (False, False)

    stop.make()
    stop.make()

    assert (stop.is_made(), stop.wait(0), stop.wait(), stop.is_made()) == (True, True, True, True)


def test_all_that_wait_are_woken():
    stop, woken = StopRequest(), []
    threads = [Thread(target=lambda: woken.append(stop.wait(PATIENCE))) for _ in range(3)]
    for thread in threads:
        thread.start()

    stop.make()

    for thread in threads:
        thread.join()
    assert woken == [True, True, True]


def test_a_handler_may_make_it_while_the_interrupted_code_does():
    """An Event's lock would be held by the code below the handler, forever."""
    stop = StopRequest()
    before = signal.signal(signal.SIGUSR1, lambda *_: stop.make())
    try:
        for _ in range(1000):
            signal.raise_signal(signal.SIGUSR1)
            stop.make()
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert stop.wait(0)
