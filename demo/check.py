"""`curfew demo-check`: start a demo, play the story against it and print what happened."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from demo.browser import NotOnPage
from demo.phone import PhoneFailed
from demo.phone_story import PhoneStory
from demo.proof import Demo, Disproved
from demo.story import Story

# Generous: even on a slow machine, only a process that hangs takes this long.
STARTS_WITHIN = 180.0
STOPS_WITHIN = 60.0
CURFEW = str(Path(sys.executable).with_name("curfew"))


class NoDemo(Exception):
    """The demo did not start."""


def check(port: int, console: Console, *, issuer_path: str = "") -> bool:
    """Play the story and print it; return whether everything was correct."""
    folder = Path(tempfile.mkdtemp(prefix="curfew-demo-check-"))
    table = Table(
        "",
        "step",
        "what was seen",
        "time",
        title="Sign-outs at apps, phones and APIs",
        title_justify="left",
    )
    try:
        with _running_demo(folder, port, issuer_path, table) as demo:
            is_right = play(demo, table)
    except NoDemo as exc:
        console.print(f"The demo did not start: {exc}\nIts folder is {folder}.")
        return False
    console.print(table)
    if is_right:
        shutil.rmtree(folder, ignore_errors=True)
        console.print("[bold green]Everything worked as expected.[/]")
    else:
        console.print(f"[bold red]Something went wrong.[/] The logs are in {folder / 'logs'}.")
    return is_right


def play(demo: Demo, table: Table) -> bool:
    """Play all stories against a running demo, add the results to a table; return whether all succeeded."""
    story = Story(demo)
    for title, step in [*story.steps(), *PhoneStory(demo, story).steps()]:
        began = time.monotonic()
        try:
            seen, is_right = step(), True
        except (Disproved, NotOnPage, PhoneFailed, requests.RequestException, LookupError) as exc:
            seen, is_right = str(exc), False
        _add_row(table, title, seen, time.monotonic() - began, is_right=is_right)
        if not is_right:
            return False
    return True


def _add_row(table: Table, title: str, seen: str, seconds: float, *, is_right: bool) -> None:
    mark = "[green]✓[/]" if is_right else "[red]✗[/]"
    table.add_row(mark, title, seen, f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s")


@contextmanager
def _running_demo(folder: Path, port: int, issuer_path: str, table: Table) -> Iterator[Demo]:
    began = time.monotonic()
    command = [CURFEW, "demo", "--data-dir", str(folder), "--port", str(port)]
    command += ["--issuer-path", issuer_path] if issuer_path else []
    with (folder / "demo.log").open("wb") as log:
        # In its own group: Ctrl-C at the terminal reaches only this process, which then stops the demo.
        process = subprocess.Popen(  # noqa: S603 – our own command.
            command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, process_group=0
        )
    try:
        demo = _wait_for_demo(process, folder)
        _add_row(table, "the demo starts", demo.issuer, time.monotonic() - began, is_right=True)
        yield demo
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOPS_WITHIN)


def _wait_for_demo(process: "subprocess.Popen[bytes]", folder: Path) -> Demo:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        if demo := find_running(folder):
            return demo
        time.sleep(0.05)
    raise NoDemo((folder / "demo.log").read_text().strip() or "no word from it")


def find_running(folder: Path) -> Demo | None:
    """Find the demo that runs with this data folder."""
    state = _read_state(folder)
    if not (running := state.get("running")):
        return None
    username, password = next(iter(running["accounts"].items()))
    return Demo(
        issuer=running["issuer"],
        apps=running["apps"],
        username=username,
        password=password,
        client_secrets=state["secrets"],
        services=running["services"],
        phones={name: Path(path) for name, path in running["phones"].items()},
        delivery_states=lambda: _delivery_states(folder),
    )


def _read_state(folder: Path) -> dict[str, Any]:
    path = folder / "demo.json"
    if not path.exists():
        return {}
    state: dict[str, Any] = json.loads(path.read_text())
    return state


def _delivery_states(folder: Path) -> dict[str, str]:
    """Return the state of the newest delivery to each app, from the command that operators use."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CURFEW_")}
    environ["CURFEW_DATA_DIR"] = str(folder / "provider")
    listed = subprocess.run(  # noqa: S603 – our own command.
        [CURFEW, "delivery", "list", "--json"], env=environ, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        raise Disproved(f"curfew delivery list: {listed.stderr.strip().rpartition(chr(10))[2]}")
    newest_first = json.loads(listed.stdout)
    return {row["client_id"]: row["state"] for row in reversed(newest_first)}
