"""`curfew-rp probe`, against an API that refuses when the test says so."""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from curfew_rp.command import main


class Api(ThreadingHTTPServer):
    """Lets calls in for some time after a logout."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lag = 0.0
        self.status = 200
        self.wavers = False
        self.ended_at = None
        self.seen = set()
        self.refusals = 0
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def answer(self):
        if self.status != 200:
            return self.status
        if self.ended_at is None or time.monotonic() < self.ended_at + self.lag:
            return 200
        self.refusals += 1
        return 200 if self.wavers and self.refusals == 2 else 401


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers["Authorization"] == f"Bearer {TOKEN}":
            self.server.seen.add("call")
        self.tell(self.server.answer())

    def do_POST(self):
        self.server.seen.add(self.headers["Authorization"])
        if self.path == "/broken":
            return self.tell(500)
        self.server.ended_at = time.monotonic()
        return self.tell(200)

    def tell(self, status):
        self.send_response(status)
        self.send_header("Token-Freshness", "introspection; age=0.0; stale-for-at-most=0.0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


TOKEN = "an-access-token"
PRINTS = f"echo {TOKEN}"


@pytest.fixture
def api():
    api = Api()
    yield api
    api.shutdown()
    api.server_close()
    api.thread.join()


def run(api, *arguments):
    end = () if "--end-command" in arguments or "--end-url" in arguments else ("--end-url", f"{api.url}/end")
    token = () if "--token-command" in arguments else ("--token-command", PRINTS)
    return main(["probe", f"{api.url}/orders", "--rounds", "1", *token, *end, *arguments])


def test_the_lag_is_measured(api, capsys):
    api.lag = 0.2

    assert run(api, "--json") == 0

    result = json.loads(capsys.readouterr().out)
    assert (result["mode"], result["rounds"]) == ("introspection", 1)
    assert 0.1 < result["p50"] == result["p99"] == result["longest"] < 10
    assert api.seen == {"call", f"Bearer {TOKEN}"}


def test_people_read_a_sentence(api, capsys):
    assert run(api) == 0

    assert capsys.readouterr().out.startswith("introspection, 1 logouts: first refusal after p50 ")


def test_another_token_may_end_the_session_and_a_command_too(api, tmp_path):
    script = tmp_path / "end.py"
    script.write_text(
        "import os, urllib.request as web\n"
        "headers = {'Authorization': os.environ['CURFEW_RP_TOKEN']}\n"
        f"web.urlopen(web.Request('{api.url}/end', b'', headers))\n"
    )

    ended = run(
        api,
        *("--token-command", f"printf '%s\\n%s\\n' {TOKEN} another"),
        *("--end-command", f"{sys.executable} {script}"),
    )

    assert ended == 0
    assert api.seen == {"call", "another"}


@pytest.mark.parametrize(
    ("arguments", "trouble", "message"),
    [
        pytest.param(
            ["--give-up-after", "0.1"], {"lag": 60.0}, "still lets calls in after 0.1 s", id="never"
        ),
        pytest.param([], {"status": 401}, "refused the token before the logout", id="too early"),
        pytest.param([], {"status": 500}, "the API answered 500", id="a broken API"),
        pytest.param([], {"wavers": True}, "let a call in after it had refused one", id="an API that wavers"),
        pytest.param(["--token-command", "true"], {}, "the token command printed nothing", id="no token"),
        pytest.param(["--token-command", "exit 3"], {}, "the command ended with 3", id="a broken command"),
    ],
)
def test_an_incomplete_measurement_is_stated(api, capsys, arguments, trouble, message):
    for name, value in trouble.items():
        setattr(api, name, value)

    assert run(api, *arguments) == 1

    assert message in capsys.readouterr().err


def test_a_logout_that_fails_is_said(api, capsys):
    assert run(api, "--end-url", f"{api.url}/broken", "--give-up-after", "0") == 1

    assert "the logout was answered 500" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--rounds", "0"], ["--rounds", "x"], ["--end-command", "true", "--end-url", "x"]]
)
def test_wrong_arguments_are_2(api, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        run(api, *arguments)

    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
