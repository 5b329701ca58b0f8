"""A phone: one installation of the native app, used through its command line as a person would."""

import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from demo.browser import Browser
from demo.processes import own_environment

# A loaded machine starts Python slowly; the app itself never takes this long.
COMMAND_SECONDS = 180.0


class PhoneFailed(Exception):
    """A command of the phone did not do what it should; the message contains its output."""


@dataclass(frozen=True, slots=True)
class Said:
    """The exit code and the output of a command."""

    code: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Phone:
    """One device; its data is in its folder."""

    folder: Path
    issuer: str
    client_id: str = "phone"
    options: Sequence[str] = ("--insecure-storage",)
    environ: dict[str, str] = field(default_factory=dict, repr=False)
    # A script written by `write_launcher`, in place of the command line's beginning.
    launcher: Path | None = None

    @property
    def command(self) -> list[str]:
        """The command line without the verb."""
        if self.launcher is not None:
            return [str(self.launcher.resolve())]
        given = ["--issuer", self.issuer, "--client-id", self.client_id, "--data-dir", str(self.folder)]
        return [sys.executable, "-m", "relying_party_demo.native", *given, *self.options]

    def run(self, *words: str, answer: str = "") -> Said:
        """Run a command; `answer` is what the person types."""
        done = subprocess.run(  # noqa: S603 – our own command.
            [*self.command, *words],
            input=answer,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return Said(done.returncode, done.stdout + done.stderr)

    @contextmanager
    def running(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """Run a command that waits for something; kill it at the end of the block."""
        process = subprocess.Popen(  # noqa: S603 – our own command.
            [*self.command, *words],
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def sign_in(self, browser: Browser, username: str, password: str, *words: str) -> Said:
        """Sign in with a browser, which may have a session already."""
        with self.running("login", "--no-browser", *words) as process:
            browser.open(address_in(process))
            if browser.has("sign-in"):
                browser.press("sign-in", username=username, password=password)
            if browser.has("allow"):
                browser.press("allow")
            try:
                text, _ = process.communicate(timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired as exc:
                raise PhoneFailed(f"the browser did not return to the app: {browser.where}") from exc
            return Said(process.returncode, text)

    def write_launcher(self, path: Path) -> None:
        """Write a script that a person can run with a command, or without one for a prompt."""
        path.write_text(f'#!/bin/sh\nexec {shlex.join(self.command)} "$@"\n')
        path.chmod(0o700)

    @property
    def _environ(self) -> dict[str, str]:
        return own_environment(**self.environ)


def address_in(process: "subprocess.Popen[str]") -> str:
    """Return the address that a command shows for the browser."""
    assert process.stdout is not None  # noqa: S101 – it was asked for when the process was started.
    heard = []
    for line in process.stdout:
        if line.startswith(("http://", "https://")):
            return line.strip()
        heard.append(line.strip())
    raise PhoneFailed(" ".join(heard) or "the phone showed no address")
