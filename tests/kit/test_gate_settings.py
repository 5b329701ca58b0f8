"""The settings of the gate and its command: what is wrong is said at the start, in a line for each."""

import subprocess
from dataclasses import fields
from datetime import timedelta

import pytest

from curfew_rp.command import main
from curfew_rp.gate.identity import HEADERS
from curfew_rp.gate.rules import Access, Rule
from curfew_rp.gate.settings import Settings, WrongSettings, read_settings
from tests.kit.gate_site import NGINX

GOOD = """
issuer = "https://id.example"
client_id = "gate"
client_secret = "a secret of the gate's own"
origins = ["https://wiki.example", "https://files.example:8443"]
store = "redis://localhost:6379/0"
"""


@pytest.fixture
def config(tmp_path):
    def write(more=""):
        path = tmp_path / "gate.toml"
        path.write_text(GOOD + more)
        return path

    return write


def problems(path, environ=None):
    with pytest.raises(WrongSettings) as raised:
        read_settings(path, environ or {})
    return raised.value.problems


def test_a_file_and_the_environment(config, tmp_path):
    (tmp_path / "secret").write_text("another secret of the gate\n")
    path = config(
        'idle_lifetime = "30m"\n'
        '[[rules]]\npath = "/api/"\naccess = "api"\ngroups = ["a b"]\nmethods = ["get"]\n'
    )
    path.write_text(path.read_text().replace("client_secret =", "# client_secret ="))

    settings = read_settings(
        path,
        {
            "CURFEW_RP_GATE_ISSUER": "https://other.example",
            "CURFEW_RP_GATE_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
            "CURFEW_RP_GATE_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "CURFEW_RP_GATE_CONFIG": "x",
            "HOME": "/",
        },
    )

    assert settings.issuer == "https://other.example"
    assert settings.client_secret == "another secret of the gate"
    assert "another secret" not in repr(settings)
    assert settings.idle_lifetime == timedelta(minutes=30)
    assert len(settings.trusted_proxies) == 2
    assert settings.rules == (
        Rule(path="/api/", access=Access.API, groups=frozenset({"a b"}), methods=frozenset({"GET"})),
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('isuer = "x"', "unknown setting isuer; did you mean issuer?"),
        ('issuer = "http://id.example"', "issuer must be an https URL"),
        ('issuer = "https://id.example/?x"', "issuer must be an https URL"),
        ('issuer = "https://[x"', "issuer must be an https URL"),
        ("origins = []", "origins must be a list of texts"),
        ('origins = ["https://a.example/path"]', "origins must be like https://app.example"),
        ('origins = ["https://a@b.example"]', "origins must be like https://app.example"),
        ('origins = ["http://wiki.example"]', "origins must be like https://app.example"),
        ('origins = ["https://a.example:443"]', "origins must not name the usual port"),
        ('origins = ["https://a.example", "http://localhost"]', "origins must be all https"),
        ('client_secret = "short"', "client_secret must have at least 16"),
        ('client_secret_file = "/nowhere"', "client_secret and client_secret_file exclude each other"),
        ('store = "memory:"', "store must begin with redis://"),
        ('prefix = "gate"', "prefix must be a path"),
        ('prefix = "/"', "prefix must be a path"),
        ('cookie_name = "a b"', "cookie_name must be letters"),
        ('cookie_domain = "other.example"', "cookie_domain must be the domain of all origins"),
        ('idle_lifetime = "0s"', "idle_lifetime must be a span"),
        ('idle_lifetime = "13h"', "idle_lifetime must not be longer than session_lifetime"),
        ('scope = "profile"', "scope must contain openid"),
        ('trusted_proxies = ["nginx"]', "trusted_proxies must be addresses or networks"),
        ('accept_unverified_email = "maybe"', "accept_unverified_email must be true or false"),
        ('identity_key = "x"', "identity_key must be a private key in PEM"),
        ('ca_bundle = "/nowhere"', "ca_bundle must be an existing file"),
        ('rules = "x"', "rules must be tables"),
        ('[[rules]]\npaht = "/"', "rules number 1: unknown key paht"),
        ('[[rules]]\npath = "api"', "rules number 1: path must be a decoded path"),
        ('[[rules]]\npath = "/%61"', "rules number 1: path must be a decoded path"),
        ('[[rules]]\naccess = "open"', "rules number 1: access must be sign-in, api, public"),
        ('[[rules]]\naccess = "public"\ngroups = ["a"]', "rules number 1: a public rule cannot ask"),
        ('[[rules]]\nhosts = ["wiki.exmaple"]', "rules name the host wiki.exmaple"),
        ("[[rules]]\nclaims = {}", "rules number 1: claims must be a table"),
    ],
)
def test_a_wrong_setting_is_one_line(config, more, said):
    name = more.partition(" ")[0]
    path = config()
    kept = [line for line in path.read_text().splitlines() if not line.startswith(f"{name} ")]
    path.write_text("\n".join([*kept, more]))

    found = problems(path)

    assert [problem for problem in found if problem.startswith(said)], found
    assert all("\n" not in problem for problem in found)


def test_all_wrong_settings_are_reported_together():
    assert problems(None) == [
        f"{name} is missing" for name in ("issuer", "client_id", "client_secret", "origins", "store")
    ]


@pytest.mark.parametrize("text", ["issuer = ", "\x00"])
def test_a_file_that_is_no_toml(config, text):
    assert str(path := config(text)) in problems(path)[0]


def test_the_command_checks_settings(config, capsys):
    assert main(["gate", "--config", str(config()), "--check-config"]) == 0
    output = capsys.readouterr().out
    assert "https://files.example:8443/_gate/callback" in output
    assert "https://wiki.example/_gate/backchannel-logout" in output

    assert main(["gate", "--config", str(config('prefix = "x"')), "--check-config"]) == 2
    assert capsys.readouterr().err == "curfew-rp gate: prefix must be a path like /_gate\n"


@pytest.mark.parametrize("proxy", ["nginx", "caddy", "traefik", "envoy"])
def test_configurations_of_proxies_are_complete(config, proxy, capsys):
    command = ["gate", "--config", str(config()), "--port", "4181", "--app", "http://127.0.0.1:3210"]

    main([*command, "--print", proxy])

    made = capsys.readouterr().out
    assert "@PREFIX@" not in made
    assert not [word for word in made.split() if word.startswith("@") and word.isupper()]
    assert "4181" in made
    assert "3210" in made
    assert "wiki.example" in made
    assert "files.example" in made
    wanted = HEADERS if proxy != "envoy" else ("x-auth-request-",)
    assert [header for header in wanted if header not in made] == []


@pytest.mark.parametrize("proxy", ["traefik", "envoy"])
def test_configurations_are_yaml(config, proxy, capsys):
    yaml = pytest.importorskip("yaml")

    main(["gate", "--config", str(config()), "--print", proxy])

    assert isinstance(yaml.safe_load(capsys.readouterr().out), dict)


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_accepts_its_configuration_for_several_origins(tmp_path, capsys):
    path = tmp_path / "gate.toml"
    local = GOOD.replace("https://wiki.example", "http://a.localhost")
    path.write_text(local.replace("https://files.example:8443", "http://b.localhost:81"))
    main(["gate", "--config", str(path), "--print", "nginx"])
    made = f"events {{}}\nhttp {{\n{capsys.readouterr().out}\n}}\n"
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\n{made}")

    command = [NGINX, "-t", "-q", "-p", tmp_path, "-e", "stderr", "-c", tmp_path / "nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments", [["--port", "0"], ["--workers", "0"], ["--threads", "501"], ["--print", "iis"]]
)
def test_wrong_arguments(config, arguments, capsys):
    with pytest.raises(SystemExit):
        main(["gate", "--config", str(config()), *arguments])
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    "store", ["sqlite:////nowhere/gate.sqlite3", "redis://localhost:99999999/0", "postgresql+nothing://"]
)
def test_a_store_that_cannot_be_opened_is_one_line(config, store, capsys, monkeypatch):
    monkeypatch.setenv("CURFEW_RP_GATE_STORE", store)

    assert main(["gate", "--config", str(config()), "--port", "4999"]) == 1

    said = capsys.readouterr()
    assert said.err.startswith("curfew-rp: the store cannot be opened: ")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_every_setting_is_in_the_page():
    from docs.build_site import ROOT

    page = (ROOT / "docs" / "connect" / "gate.md").read_text()

    assert [each.name for each in fields(Settings) if f"`{each.name}`" not in page] == []
    assert [header for header in HEADERS if f"`{header}`" not in page] == []
