"""A client in a process of its own, in whatever language: it speaks JSON by the line.

It is started with what it must know. Whenever it wants a person to go somewhere, it says
`{"open": address}` and is told where the person arrived; in the end it says `{"result": …}`.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SECONDS = 30


def play(command: Sequence[str | Path], told: dict[str, Any], go: Callable[[str], str]) -> dict[str, Any]:
    """Run a foreign client to its end; `go` takes a person to an address and returns where they arrived."""
    with subprocess.Popen(
        [*command, json.dumps(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        patience = threading.Timer(SECONDS, process.kill)
        patience.start()
        try:
            result, trouble = _talk(process, go)
        finally:
            patience.cancel()
            process.kill()
    assert result is not None, "".join(trouble)
    return result


def _talk(
    process: "subprocess.Popen[str]", go: Callable[[str], str]
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
        if "open" in said:
            process.stdin.write(json.dumps({"arrived": go(said["open"])}) + "\n")
            process.stdin.flush()
    return result, trouble
