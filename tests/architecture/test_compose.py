"""docker-compose.yml shares the commands and settings that the tests run."""

import json
import re
import shutil
import subprocess
from dataclasses import fields

import pytest
from click import Context

from demo.processes import own_environment
from provider.cli import main
from provider.config import Settings, load_settings
from relying_party_demo.__main__ import arguments
from tests.architecture.sources import ROOT
from tests.support.demo import CURFEW

COMPOSE = (ROOT / "docker-compose.yml").read_text()
SETUP = (ROOT / "docker" / "setup.sh").read_text()


def test_every_setting_in_the_file_exists():
    known = {f"CURFEW_{field.name.upper()}" for field in fields(Settings)}

    assert set(re.findall(r"CURFEW_[A-Z_]+", COMPOSE)) <= known


def test_the_settings_in_the_file_are_right():
    given = dict(re.findall(r"^ +(CURFEW_[A-Z_]+): (.*)$", COMPOSE, re.MULTILINE))
    given["CURFEW_SECRET_KEY"] = given["CURFEW_SECRET_KEY"].removeprefix("${CURFEW_SECRET_KEY:-").rstrip("}")

    assert load_settings(given).issuer == "http://localhost:8900"


def test_every_option_of_the_apps_exists():
    used = {
        option
        for command in re.findall(r"command: \[python, -m, relying_party_demo,(.*?)\]", COMPOSE, re.DOTALL)
        for option in re.findall(r"--[a-z-]+", command)
    }

    assert used
    assert used <= set(arguments()._option_string_actions)


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
    used = SETUP.partition("curfew client add")[2].partition("\n}")[0]

    assert set(re.findall(r"--[a-z-]+", used)) <= known


@pytest.mark.processes
def test_the_setup_can_run_twice(tmp_path):
    allowed = re.search(r"CURFEW_OUTBOUND_ALLOW: (.*)", COMPOSE)[1]
    environ = own_environment(CURFEW_DATA_DIR=str(tmp_path), CURFEW_OUTBOUND_ALLOW=allowed)
    environ["PATH"] = f"{CURFEW.parent}:{environ['PATH']}"
    steps = ["curfew db upgrade", "sh docker/setup.sh", "sh docker/setup.sh"]
    for step in steps:
        subprocess.run(step.split(), cwd=ROOT, env=environ, check=True, capture_output=True)

    listed = subprocess.run(
        ["curfew", "client", "list", "--json"], env=environ, check=True, capture_output=True, text=True
    )

    assert sorted(client["client_id"] for client in json.loads(listed.stdout)) == ["blue", "green", "red"]


def test_docker_compose_reads_the_file():
    docker = shutil.which("docker")
    compose = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    if not compose or compose.returncode != 0:
        pytest.skip("docker compose is not installed, so it did not read docker-compose.yml")

    outcome = subprocess.run(
        [docker, "compose", "config", "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert outcome.returncode == 0, outcome.stderr
