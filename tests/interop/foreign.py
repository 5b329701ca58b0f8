"""A client in a process of its own, in whatever language: it speaks JSON by the line.

It is started with what it must know. Whenever it wants a person to go somewhere, it says
`{"open": address}` and receives where the person arrived; by `{"receive": path}` it asks for the form that
was posted to it there. In the end it says `{"result": …}`.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.interop.landing import Landing

SECONDS = 30


def play(
    command: Sequence[str | Path], facts: dict[str, Any], go: Callable[[str], str], landing: Landing
) -> dict[str, Any]:
    """Run a foreign client to its end; `go` takes a person to an address and returns where they arrived."""

    def respond(said: dict[str, Any]) -> dict[str, Any] | None:
        if "open" in said:
            arrived = go(said["open"])
            return {"arrived": arrived, "query": dict(parse_qsl(urlsplit(arrived).query))}
        return landing.wait_for(said["receive"]).form if "receive" in said else None

    with subprocess.Popen(
        [*command, json.dumps(facts)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        patience = threading.Timer(SECONDS, process.kill)
        patience.start()
        try:
            result, trouble = _talk(process, respond)
        finally:
            patience.cancel()
            process.kill()
    assert result is not None, "".join(trouble)
    return result


def _talk(
    process: "subprocess.Popen[str]", respond: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> tuple[dict[str, Any] | None, list[str]]:
    """Listen until it ends; returns its result, and what it said that was no part of the talk."""
    assert process.stdin
    assert process.stdout
    result, trouble = None, []
    for line in process.stdout:
        if not line.startswith("{"):
            trouble.append(line)
            continue
        said = json.loads(line)
        result = said.get("result", result)
        if (response := respond(said)) is not None:
            process.stdin.write(json.dumps(response) + "\n")
            process.stdin.flush()
    return result, trouble
