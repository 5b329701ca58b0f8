"""docs/operate/deploy.md names files, services and objects that exist."""

import re

import pytest
import yaml

from tests.architecture.sources import ROOT
from tests.deploy.compose import SERVICES

PAGE = (ROOT / "docs" / "operate" / "deploy.md").read_text()
COMMANDS = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
OBJECTS = {
    f"{resource['kind'].lower()}/{resource['metadata']['name']}"
    for file in (ROOT / "deploy" / "kubernetes").glob("*.yaml")
    for resource in yaml.safe_load_all(file.read_text())
    if "metadata" in resource
}


@pytest.mark.parametrize("path", sorted(set(re.findall(r"deploy/[\w/.*-]*", COMMANDS))))
def test_a_file_that_is_copied_or_applied_exists(path):
    assert list(ROOT.glob(path.rstrip("/")))


def test_the_files_beside_compose_exist():
    assert re.findall(r"^sh (\S+)", COMMANDS, re.MULTILINE) == ["make-secrets.sh"]
    assert (ROOT / "deploy" / "make-secrets.sh").exists()


def test_the_services_of_compose_exist():
    pattern = (
        r"docker compose (?:exec|run --rm|up --detach --no-deps --wait) ([\w-]+)|docker compose cp ([\w-]+):"
    )
    named = {service for pair in re.findall(pattern, COMMANDS) for service in pair if service}

    assert {"web-a", "web-b", "worker", "migrate", "backup"} <= named
    assert named <= SERVICES.keys()


def test_the_objects_of_kubernetes_exist():
    named = set(re.findall(r"\b(?:deployment|job)/[\w-]+", COMMANDS))

    assert named
    assert named <= OBJECTS


def test_the_units_exist():
    named = set(re.findall(r"systemctl (?:enable --now|start|restart) ([\w -]+)$", COMMANDS, re.MULTILINE))
    units = {unit for line in named for unit in line.split()}

    assert units == {unit.stem for unit in (ROOT / "deploy" / "systemd").glob("*.service")}
