"""Plays the examples of one page as one shell session, in a folder of its own.

The session starts with a provider in which Ada and the app `shop` are registered, less what the page
registers itself; a page with `curfew init` starts with nothing. Such a provider is made once and copied. The
fixed ports of the pages are replaced by free ones, so that several pages can be played at once.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from docs.examples import Example
from tests.support.waiting import PATIENCE

BIN = Path(sys.executable).parent
PORTS = ("8900", "5000")
PASSWORD = "analytical-engine-1843"
INIT = "CURFEW_CONFIG= curfew init --config .curfew/curfew.toml --issuer https://id.example\n"
ADA = f"echo {PASSWORD} | curfew user add ada --claim name='Ada Lovelace'\n"
SHOP = "curfew client add --client-id shop --for flask --base-url https://shop.example --first-party\n"
# The servers that a page has started end with its session.
BEGIN = "set -eu\nservers=\ntrap 'for server in $servers; do kill $server; wait $server || true; done' EXIT\n"


class Stage:
    """A stage for pages: the commands, and a new folder for each page that is played."""

    def __init__(self, commands: Path, new_folder: Callable[[str], Path]) -> None:
        self._commands = commands
        self._new_folder = new_folder
        self._prepared: dict[str, Path] = {}

    def play(self, examples: list[Example], folder: Path) -> tuple[int, str]:
        """Run the examples of a page; returns the exit code and what was printed."""
        code = "\n".join(example.code + example.given for example in examples)
        environ = environment(folder, self._commands)
        if sets_up(code):
            del environ["CURFEW_CONFIG"]
        else:
            shutil.copytree(self._provider(preparation(code)), folder / ".curfew")
        with free_ports() as ports:
            text = with_ports(BEGIN + script(examples, folder), ports)
        return run(text, folder, environ)

    def _provider(self, commands: str) -> Path:
        if commands not in self._prepared:
            folder = self._new_folder("provider")
            code, printed = run(BEGIN + commands, folder, environment(folder, self._commands))
            assert code == 0, printed
            self._prepared[commands] = folder / ".curfew"
        return self._prepared[commands]


def run(text: str, folder: Path, environ: dict[str, str]) -> tuple[int, str]:
    """Run a shell script in a folder; returns the exit code and what was printed."""
    outcome = subprocess.run(
        ["sh", "-c", text],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return outcome.returncode, outcome.stdout


def sets_up(code: str) -> bool:
    """Return whether a page sets up its provider itself."""
    return re.search(r"curfew init\s", code) is not None


def preparation(code: str) -> str:
    """The commands that make what a page takes for granted."""
    ada = "" if re.search(r"user add ada\b", code) else ADA
    shop = "" if re.search(r"client add --client-id shop\b", code) else SHOP
    return INIT + ada + shop


def script(examples: list[Example], folder: Path) -> str:
    """Write the examples of a page as one shell script; each block says on stderr that it begins."""
    return "".join(
        f"echo '@@ {example.page}:{example.line}' >&2\n{example.given}\n{as_shell(number, examples, folder)}"
        for number, example in enumerate(examples)
    )


def as_shell(number: int, examples: list[Example], folder: Path) -> str:
    """One block as shell code; a Python block goes on where the one before it on the page has ended.

    Where only Python follows, the next block runs it: each process imports what all of them import.
    """
    example = examples[number]
    code = example.code
    if example.language == "python":
        if number + 1 < len(examples) and goes_on(example, examples[number + 1]):
            return ""
        blocks = [as_python(earlier) for earlier in examples[: number + 1] if earlier.language == "python"]
        (folder / f"block_{number}.py").write_text("\n".join(blocks))
        code = f"python3 block_{number}.py\n"
    if example.typed:
        code = f"{{\n{code}}} <<'TYPED'\n{example.typed}\nTYPED\n"
    if example.background_until:
        code = f'{{\n{code}}} & servers="$! $servers"\n{waiting_for(example.background_until)}'
    return code


def goes_on(example: Example, following: Example) -> bool:
    """Return whether the next block is Python and nothing happens between a Python block and it."""
    return following.language == "python" and not (
        following.given or example.typed or example.background_until
    )


def as_python(example: Example) -> str:
    """A Python block that says on stderr that it begins."""
    return f'__import__("sys").stderr.write("@@ {example.page}:{example.line}\\n")\n{example.code}'


def waiting_for(url: str) -> str:
    """A loop that ends once the URL answers, and fails after a minute."""
    return f"""tries=0
until curl -fsSo /dev/null {url} 2>curl.log; do
  tries=$((tries+1)); [ $tries -lt 300 ] || {{ cat curl.log; exit 1; }}; sleep 0.2
done
"""


@contextmanager
def free_ports() -> Iterator[dict[str, int]]:
    """Choose a free port for each that the pages name."""
    with ExitStack() as stack:
        sockets = {port: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for port in PORTS}
        yield {port: opened.getsockname()[1] for port, opened in sockets.items()}


def with_ports(text: str, ports: dict[str, int]) -> str:
    """Replace the ports that pages name."""
    named = rf"(?:(?<=localhost:)|(?<=127\.0\.0\.1:)|(?<=--port ))({'|'.join(ports)})\b"
    return re.sub(named, lambda match: str(ports[match[1]]), text)


def environment(folder: Path, commands: Path) -> dict[str, str]:
    """Return the environment of a page: none of the caller's settings, and cheap password hashes."""
    return {
        "PATH": f"{commands}:{BIN}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "CURFEW_CONFIG": str(folder / ".curfew" / "curfew.toml"),
        "CURFEW_DATA_DIR": str(folder / ".curfew" / "data"),
        "CURFEW_ARGON2_MEMORY": "1024",
        "CURFEW_ARGON2_PASSES": "1",
    }
