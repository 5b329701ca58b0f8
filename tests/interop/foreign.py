"""A client in a process of its own, in whatever language: it speaks JSON by the line.

It is started with what it must know. Whenever it wants a person to go somewhere, it says
`{"open": address}` and is told where the person arrived; in the end it says `{"result": …}`.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SECONDS = 60


def play(command: Sequence[str | Path], told: dict[str, Any], go: Callable[[str], str]) -> dict[str, Any]:
    """Run a foreign client to its end; `go` takes a person to an address and returns where they arrived."""
    process = subprocess.Popen(
        [*command, json.dumps(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    result: dict[str, Any] | None = None
    try:
        for line in process.stdout:
            said = json.loads(line)
            result = said.get("result", result)
            if "open" in said:
                process.stdin.write(json.dumps({"arrived": go(said["open"])}) + "\n")
                process.stdin.flush()
        _, trouble = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, trouble
    assert result is not None, trouble
    return result
