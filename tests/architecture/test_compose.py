"""docker-compose.yml shares the commands and settings that the tests run."""

import re
import shutil
import subprocess
from dataclasses import fields

import pytest
from click import Context

from provider.cli import main
from provider.config import Settings
from relying_party_demo.__main__ import arguments
from tests.architecture.sources import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text()
SETUP = (ROOT / "docker" / "setup.sh").read_text()


def test_every_setting_in_the_file_exists():
    known = {f"CURFEW_{field.name.upper()}" for field in fields(Settings)}

    assert set(re.findall(r"CURFEW_[A-Z_]+", COMPOSE)) <= known


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


def test_docker_compose_reads_the_file():
    docker = shutil.which("docker")
    compose = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    if not compose or compose.returncode != 0:
        pytest.skip("docker compose is not installed, so it did not read docker-compose.yml")

    outcome = subprocess.run(
        [docker, "compose", "config", "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert outcome.returncode == 0, outcome.stderr
