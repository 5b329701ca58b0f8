import socket

from demo.ports import choose_ports, is_free
from tests.support.demo import free_run


def listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


def test_the_usual_ports_are_taken_when_they_are_free():
    first = free_run(4)

    assert choose_ports(first, 4) == [first, first + 1, first + 2, first + 3]


def test_a_busy_port_is_replaced_by_the_next_free_one_above_all():
    first = free_run(6)
    with listening(first + 1), listening(first + 4):
        chosen = choose_ports(first, 4)

    assert chosen == [first, first + 5, first + 2, first + 3]


def test_a_port_that_only_ipv6_uses_is_busy():
    port = free_run(1)
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::1", port))
        listener.listen()

        assert not is_free(port)
