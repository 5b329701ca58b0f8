"""`curfew-rp check` finds nothing at the kit's own receiver, and every rule that another one breaks."""

import json

import pytest
from flask import Flask, request

from curfew_rp import errors, make_receiver
from curfew_rp.command import main
from curfew_rp.flask import CurfewRP
from curfew_rp.signed_token import ALGORITHMS
from tests.interop.authlib_app import served
from tests.kit.other_provider import CLIENT_ID
from tests.support.demo import free_run

CHECKS = 14
# In order, other people, too early; after a restart: in order, what had ended, a replay.
OF_SESSIONS = 6


@pytest.fixture
def ports():
    """The addresses of the receiver, and of the issuer for the occasion."""
    port = free_run(2)
    return port, port + 1


def run(ports, capsys, receive, *arguments):
    """Run the command against a receiver; returns its exit code and its findings by name."""
    port, issuer_port = ports
    app = Flask("receiver")
    app.add_url_rule("/logout", "logout", receive, methods=["POST"])
    issuer = ("--issuer", f"http://127.0.0.1:{issuer_port}", "--client-id", CLIENT_ID)
    with served(app, port):
        code = main(["check", f"http://127.0.0.1:{port}/logout", *issuer, "--json", *arguments])
    findings = json.loads(capsys.readouterr().out)
    return code, {finding["check"]: finding for finding in findings}


def kit(ports):
    receiver = make_receiver(issuer=f"http://127.0.0.1:{ports[1]}", client_id=CLIENT_ID, store="memory:")

    def receive():
        response = receiver.receive(
            request.method, request.content_type, request.get_data(parse_form_data=False)
        )
        return response.body, response.status

    return receive


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_the_kits_receiver_breaks_no_rule(ports, capsys, alg):
    code, findings = run(ports, capsys, kit(ports), "--alg", alg)

    assert code == 0
    assert len(findings) == CHECKS
    assert {finding["grade"] for finding in findings.values()} == {"pass"}


def test_each_bad_token_breaks_the_rule_that_it_names(ports, capsys):
    receiver = make_receiver(issuer=f"http://127.0.0.1:{ports[1]}", client_id=CLIENT_ID, store="memory:")
    codes = []

    def receive():
        response = receiver.receive(
            request.method, request.content_type, request.get_data(parse_form_data=False)
        )
        codes.append(
            json.loads(response.body)["error_description"].partition(":")[0] if response.body else ""
        )
        return response.body, response.status

    run(ports, capsys, receive)

    assert codes == [
        "",
        errors.BadSignature.code,
        errors.AlgorithmNotAllowed.code,
        errors.AlgorithmNotAllowed.code,
        errors.WrongIssuer.code,
        errors.WrongAudience.code,
        errors.TokenExpired.code,
        errors.IssuedInTheFuture.code,
        errors.NonceProhibited.code,
        errors.NotALogoutEvent.code,
        errors.NotALogoutEvent.code,
        errors.NamesNoSession.code,
        errors.WrongTyp.code,
        errors.TokenReplayed.code,
    ]


def test_a_receiver_that_believes_everything_fails(ports, capsys):
    code, findings = run(ports, capsys, lambda: "")

    assert code == 1
    grades = [finding["grade"] for finding in findings.values()]
    assert grades == ["pass", *["fail"] * 11, "warn", "warn"]


def test_a_receiver_that_refuses_a_good_token_is_not_tried_further(ports, capsys):
    code, findings = run(ports, capsys, lambda: ("", 400))

    assert (code, list(findings), findings["good token"]["grade"]) == (1, ["good token"], "fail")


@pytest.mark.parametrize(
    ("status", "grade", "expected"), [(500, "fail", 1), (403, "warn", 0), (302, "warn", 0)]
)
def test_a_refusal_by_another_status_is_said(ports, capsys, status, grade, expected):
    seen = []

    def receive():
        seen.append(request)
        return ("", 200) if len(seen) == 1 else ("", status)

    code, findings = run(ports, capsys, receive)

    assert code == expected
    assert findings["alg none"]["grade"] == grade


def test_people_read_lines(ports, capsys):
    port, issuer_port = ports

    code = main(
        [
            "check",
            f"http://127.0.0.1:{port}/",
            "--client-id",
            "a",
            "--issuer",
            f"http://127.0.0.1:{issuer_port}",
        ]
    )

    assert code == 1
    assert capsys.readouterr().out.startswith("fail  good token: no response (ConnectionError) – ")


def test_an_issuer_that_cannot_be_served_is_said(ports, capsys):
    with served(Flask("taken"), ports[1]):
        code = main(["check", "http://x", "--client-id", "a", "--issuer", f"http://127.0.0.1:{ports[1]}"])

    assert code == 1
    assert "the issuer cannot be served at" in capsys.readouterr().err


def an_app(ports, store):
    """An app with a page and a sign-in, at the issuer for the occasion."""
    app = Flask(__name__)
    app.secret_key = "secret"
    issuer = f"http://127.0.0.1:{ports[1]}"
    rp = CurfewRP(app, issuer=issuer, client_id=CLIENT_ID, client_secret="secret", store=store)
    app.add_url_rule("/", "page", rp.sign_in_required(lambda: "hello"))
    return app


def check_app(ports, capsys, app, *arguments):
    port, issuer_port = ports
    at = f"http://127.0.0.1:{port}"
    issuer = ("--issuer", f"http://127.0.0.1:{issuer_port}", "--client-id", CLIENT_ID)
    pages = ("--login", f"{at}/login", "--page", f"{at}/")
    with served(app, port):
        code = main(["check", f"{at}/backchannel-logout", *issuer, *pages, "--json", *arguments])
    said = capsys.readouterr()
    return code, {one["check"]: one["grade"] for one in json.loads(said.out or "[]")}, said.err


def test_an_app_is_tried_from_sign_in_to_sign_out(ports, capsys):
    code, grades, _ = check_app(ports, capsys, an_app(ports, "memory:"), "--restart", "true")

    assert code == 0
    assert set(grades.values()) == {"pass"}
    assert len(grades) == CHECKS + OF_SESSIONS


def test_a_page_that_everyone_gets_is_said(ports, capsys):
    app = Flask(__name__)
    app.add_url_rule("/", "page", lambda: "hello")

    assert check_app(ports, capsys, app)[:2] == (1, {"page": "fail"})


def test_an_app_without_a_sign_in_cannot_be_tried(ports, capsys):
    app = Flask(__name__)
    app.add_url_rule("/", "page", lambda: ("", 401))

    code, _, said = check_app(ports, capsys, app)

    assert (code, "the sign-in stopped at" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param(["--restart", "false"], "ended with 1", id="a restart that fails"),
        pytest.param(["--page", ""], "belong together", id="a sign-in without a page"),
    ],
)
def test_what_keeps_an_app_from_being_tried_is_said(ports, capsys, arguments, why):
    code, _, said = check_app(ports, capsys, an_app(ports, "memory:"), *arguments)

    assert (code, why in said) == (1, True)
