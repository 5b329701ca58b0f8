"""Web nodes behind a balancer that gives each connection to the next one."""

import contextlib
import itertools
import socket
from typing import Any

import requests

from tests.faults.programs import Program
from tests.faults.proxy import Wire
from tests.faults.site import Site
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import OFF_BY


class Balancer(Wire):
    """A wire with several ends."""

    def __init__(self, port: int, targets: list[tuple[str, int]]) -> None:
        self._next = itertools.cycle(targets)
        super().__init__(targets[0], port=port)

    @property
    def target(self) -> tuple[str, int]:
        return next(self._next)

    @target.setter
    def target(self, _first: tuple[str, int]) -> None:
        """Each connection takes the next."""


class Nodes:
    """The web processes of one site."""

    def __init__(self, site: Site, clocks: list[float]) -> None:
        self.site = site
        self.ports = [free_port() for _ in clocks]
        self.programs = [self._start(*each) for each in zip(self.ports, clocks, strict=True)]
        site.wires.append(Balancer(site.port, [("127.0.0.1", port) for port in self.ports]))
        try:
            for port in self.ports:
                wait_until(lambda port=port: readiness(port).get("status") == "ok")
        except BaseException:
            self.close()
            raise

    def _start(self, port: int, off_by: float) -> Program:
        log = self.site.folder / f"node-{port}.log"
        self.site.logs.append(log)
        command = ["serve", "--port", str(port), "--threads", "8"]
        environ = self.site.environ(data_dir=str(self.site.folder / f"node-{port}"))
        return Program(command, environ | {OFF_BY: str(off_by)}, log, self.site.warm)

    def close(self) -> None:
        for program in self.programs:
            program.kill()


def readiness(port: int) -> dict[str, Any]:
    """Return the state that a node reports of itself; empty while it does not answer."""
    with contextlib.suppress(requests.RequestException), requests.Session() as session:
        session.trust_env = False
        return session.get(f"http://127.0.0.1:{port}/health/ready", timeout=PATIENCE).json()
    return {}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
