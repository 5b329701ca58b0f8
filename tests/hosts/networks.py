"""A network namespace of a test's own, joined to this one by a pair of virtual cables that can be pulled."""

import os
import subprocess
from functools import cache

_MADE = iter(range(1000))


@cache
def why_not() -> str:
    """Why this machine lets us make no namespaces; empty if it does."""
    name = f"curfew-probe-{os.getpid()}"
    for command in (
        ["ip", "netns", "add", name],
        ["ip", "link", "add", "cfwp0", "type", "veth", "peer", "cfwp1"],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return "there is no `ip` command"
        if done.returncode:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
            return f"no network namespaces here: {done.stderr.strip()}"
    subprocess.run(["ip", "link", "del", "cfwp0"], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return ""


class Network:
    """Another host's network: it reaches this host at `here` while the cable is plugged in."""

    def __init__(self) -> None:
        number = next(_MADE)
        self.name = f"curfew-{os.getpid()}-{number}"
        self._cable = f"cfw{os.getpid() % 10**7}{number}"[:14]
        self.here = f"10.213.{os.getpid() % 250}.1"
        there = self.here[:-1] + "2"
        _ip("netns", "add", self.name)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("addr", "add", f"{self.here}/30", "dev", self._cable)
        _ip("link", "set", self._cable, "up")
        for arguments in (
            ["addr", "add", f"{there}/30", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
            ["link", "set", "lo", "up"],
        ):
            _ip("-n", self.name, *arguments)

    @property
    def inside(self) -> list[str]:
        """Return the beginning of a command that runs there."""
        return ["ip", "netns", "exec", self.name]

    def pull(self) -> None:
        """Pull the cable: what is sent vanishes without a word."""
        _ip("link", "set", self._cable, "down")

    def plug(self) -> None:
        _ip("link", "set", self._cable, "up")

    def remove(self) -> None:
        subprocess.run(["ip", "link", "del", self._cable], capture_output=True, check=False)
        _ip("netns", "del", self.name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)
