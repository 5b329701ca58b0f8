"""docker-compose.yml shares the commands and settings that the tests run."""

import json
import re
import shutil
import subprocess
from dataclasses import fields

import pytest
import yaml
from click import Context

from demo.processes import own_environment
from provider.cli import main
from provider.config import Settings, load_settings
from relying_party_demo import __main__ as relying_party
from relying_party_demo.protected_api import __main__ as protected_api
from tests.architecture.sources import ROOT
from tests.support.fork_server import QUICK_COMMANDS

COMPOSE = (ROOT / "docker-compose.yml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
SETUP = (ROOT / "docker" / "setup.sh").read_text()
APPS, APIS = ("red", "green", "blue"), ("bank", "ledger", "archive")
COMMANDS = {name: SERVICES[name]["command"] for name in APPS + APIS}
PORTS = {name: int(command[command.index("--port") + 1]) for name, command in COMMANDS.items()}


def test_every_setting_in_the_file_exists():
    known = {f"CURFEW_{field.name.upper()}" for field in fields(Settings)}

    assert set(re.findall(r"CURFEW_[A-Z_]+", COMPOSE)) <= known


def test_the_settings_in_the_file_are_right():
    given = dict(re.findall(r"^ +(CURFEW_[A-Z_]+): (.*)$", COMPOSE, re.MULTILINE))
    given["CURFEW_SECRET_KEY"] = given["CURFEW_SECRET_KEY"].removeprefix("${CURFEW_SECRET_KEY:-").rstrip("}")

    assert load_settings(given).issuer == "http://localhost:8900"


@pytest.mark.parametrize("name", APPS)
def test_an_app_has_the_configuration_of_its_client(name):
    config = relying_party.config_from(options_of(name, relying_party.arguments(), "RP_CLIENT_SECRET"))

    assert (config.name, config.client_id, config.base_url) == (name, name, f"http://localhost:{PORTS[name]}")
    assert f"register_app {name} {PORTS[name]}" in SETUP
    assert config.client_secret == f"a-secret-of-the-{name}-app-for-looking-around"


@pytest.mark.parametrize("name", APIS)
def test_an_api_has_its_configuration(name):
    config = protected_api.config_from(options_of(name, protected_api.arguments(), "API_CLIENT_SECRET"))

    assert (config.name, config.base_url) == (name, f"http://localhost:{PORTS[name]}")
    assert config.is_signed or f"register_api {name}" in SETUP
    assert config.is_signed or config.client_secret == f"a-secret-of-the-{name}-api-for-looking-around"


def test_the_api_that_verifies_tokens_shares_the_store_of_the_app_whose_tokens_they_are():
    blue = options_of("blue", relying_party.arguments(), "RP_CLIENT_SECRET")
    archive = options_of("archive", protected_api.arguments(), "API_CLIENT_SECRET")

    assert archive.logouts == blue.logouts == "redis://redis:6379/1"
    assert archive.audience == blue.issuer
    assert "register_app blue 8903 --scope" in SETUP
    assert "--access-token-format jwt" in SETUP


def test_people_reach_every_app_and_api():
    published = {entry.split(":")[1] for entry in SERVICES["provider"]["ports"]}

    assert published == {"8900", *(str(port) for port in PORTS.values())}


def options_of(name, parser, secret):
    """Return the command of a service with its options, and its secret as from the environment."""
    given = parser.parse_args(COMMANDS[name][3:])
    given.client_secret = SERVICES[name].get("environment", {}).get(secret, "")
    return given


@pytest.mark.parametrize("words", re.findall(r"curfew ((?:[a-z]+ )?[a-z]+)", SETUP + COMPOSE))
def test_every_command_exists(words):
    command = main
    for word in words.split():
        if word in {"show", "add", "upgrade"} or command is main:
            command = command.get_command(Context(command), word)

    assert command is not None


def test_every_option_of_the_setup_exists():
    add = main.get_command(Context(main), "client").get_command(Context(main), "add")
    known = {option for parameter in add.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = "".join(call.partition("\n}")[0] for call in SETUP.split("curfew client add")[1:])
    used += "".join(line for line in SETUP.splitlines() if line.startswith("register_"))

    assert set(re.findall(r"--[a-z-]+", used)) <= known


@QUICK_COMMANDS
@pytest.mark.processes
def test_the_setup_can_run_twice(curfew_commands, tmp_path):
    allowed = re.search(r"CURFEW_OUTBOUND_ALLOW: (.*)", COMPOSE)[1]
    environ = own_environment(CURFEW_DATA_DIR=str(tmp_path), CURFEW_OUTBOUND_ALLOW=allowed)
    environ["PATH"] = f"{curfew_commands}:{environ['PATH']}"
    steps = ["curfew db upgrade", "sh docker/setup.sh", "sh docker/setup.sh"]
    for step in steps:
        subprocess.run(step.split(), cwd=ROOT, env=environ, check=True, capture_output=True)

    listed = subprocess.run(
        ["curfew", "client", "list", "--json"], env=environ, check=True, capture_output=True, text=True
    )

    clients = sorted(client["client_id"] for client in json.loads(listed.stdout))
    assert clients == ["bank", "blue", "green", "ledger", "phone", "red"]


def test_docker_compose_reads_the_file():
    docker = shutil.which("docker")
    compose = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    if not compose or compose.returncode != 0:
        pytest.skip("docker compose is not installed, so it did not read docker-compose.yml")

    outcome = subprocess.run(
        [docker, "compose", "config", "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert outcome.returncode == 0, outcome.stderr
