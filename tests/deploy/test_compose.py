"""deploy/compose.yml: valid, confined, without a secret of its own; its settings start a provider."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import redis
from click import Context

from provider.cli import main
from provider.config import Settings, load_settings
from provider.config.unwise import unwise_settings
from tests.architecture.sources import ROOT
from tests.deploy.compose import COMPOSE, DEPLOY, SERVICES, variables_of
from tests.deploy.dockerfile import stages
from tests.deploy.servers import valkey_with

OURS = {name: service for name, service in SERVICES.items() if "curfew" in service["image"]}

each_service = pytest.mark.parametrize("name", SERVICES)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run(["sh", DEPLOY / "make-secrets.sh", folder], check=True, capture_output=True)
    return folder


def settings_of(name: str, secrets: Path) -> dict[str, str]:
    """The variables of a service, with the secrets of this test."""
    return {
        variable: value.replace("/run/secrets", str(secrets))
        for variable, value in variables_of(name).items()
    }


@pytest.mark.parametrize("file", ["deploy/compose.yml", "docker-compose.yml"])
def test_the_compose_specification_accepts_the_file(file):
    schema = ("--builtin-schema", "vendor.compose-spec")

    outcome = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, ROOT / file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stdout


def test_the_installation_is_whole():
    images = [service["image"].partition(":")[0] for service in SERVICES.values()]

    assert sorted(set(images) - {"${CURFEW_IMAGE"}) == ["caddy", "postgres", "valkey/valkey"]
    assert [name for name in OURS if name.startswith("web-")] == ["web-a", "web-b"]
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


@each_service
def test_a_container_is_confined(name):
    service = SERVICES[name]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")


@each_service
def test_a_container_that_stays_has_a_health_check(name):
    service = SERVICES[name]

    assert ("test" in service["healthcheck"]) == (service["restart"] != "no")


@each_service
def test_only_the_proxy_is_reached_from_outside(name):
    assert ("ports" in SERVICES[name]) == (name == "proxy")


def test_stores_and_backups_cannot_reach_the_internet():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "valkey", "backup", "migrate"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_no_secret_has_a_default_or_is_a_variable():
    text = (DEPLOY / "compose.yml").read_text()

    assert dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text)) == {
        "CURFEW_IMAGE": "curfew:0.2.0",
        "KEEP_DAYS": "14",
    }
    for service in SERVICES.values():
        for variable in service.get("environment", {}):
            assert variable.endswith("_FILE") or not re.search("PASSWORD|SECRET|_URL|TOKEN", variable)


def test_every_secret_is_made_and_mounted(secrets):
    mounted = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}

    assert {file.name for file in secrets.iterdir()} == set(COMPOSE["secrets"]) == mounted
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}


def test_making_the_secrets_again_changes_none(secrets):
    before = {file.name: file.read_text() for file in secrets.iterdir()}

    subprocess.run(["sh", DEPLOY / "make-secrets.sh", secrets], check=True, capture_output=True)

    assert {file.name: file.read_text() for file in secrets.iterdir()} == before


def test_only_the_owner_of_the_folder_gets_to_the_secrets(secrets):
    assert secrets.stat().st_mode & 0o777 == 0o700


def test_the_secrets_are_ignored_by_git():
    ignored = subprocess.run(
        ["git", "check-ignore", "deploy/secrets/secret_key", "deploy/.env"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )

    assert ignored.returncode == 0


@pytest.mark.parametrize("name", OURS)
def test_the_settings_are_right_and_none_is_unwise(name, secrets):
    environ = settings_of(name, secrets)

    settings = load_settings(environ)

    assert settings.issuer == "https://id.example"
    assert list(unwise_settings(settings)) == []
    assert settings.database_url.endswith("@postgres/curfew")
    assert "@valkey:" in settings.broker_url


def test_nothing_starts_before_the_migration_is_done():
    # It is also what lets `docker compose up --wait` accept that this container has ended.
    for name in OURS.keys() - {"migrate"}:
        condition = SERVICES[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"


@pytest.mark.parametrize("name", OURS)
def test_the_command_of_a_container_exists(name):
    program, *words = OURS[name].get("command", ["curfew", "serve"])
    command = main
    while words and not words[0].startswith("--"):
        command = command.get_command(Context(command), words.pop(0))

    assert program == "curfew"
    assert {word for word in words if word.startswith("--")} <= {
        option for parameter in command.params for option in parameter.opts
    }


def test_ports_are_those_of_the_image_and_of_the_worker():
    port = stages()[1].all_of("EXPOSE")[0]
    upstreams = SERVICES["proxy"]["environment"]["CURFEW_UPSTREAMS"].split()

    assert upstreams == [f"{name}:{port}" for name in OURS if name.startswith("web-")]
    for name in ("web-a", "web-b"):
        assert f":{port}/health/ready" in SERVICES[name]["healthcheck"]["test"][-1]
    metrics_port = SERVICES["worker"]["command"][-1]
    assert f":{metrics_port}/metrics" in SERVICES["worker"]["healthcheck"]["test"][-1]


def test_the_settings_that_the_file_names_exist():
    known = {f"CURFEW_{field.name.upper()}" for field in fields(Settings)}
    own = {"CURFEW_HOST", "CURFEW_IMAGE", "CURFEW_UPSTREAMS"}

    named = set(re.findall(r"CURFEW_[A-Z_]+", (DEPLOY / "compose.yml").read_text()))

    assert {name.removesuffix("_FILE") for name in named - own} <= known


@pytest.mark.processes
def test_the_broker_of_the_file_wants_its_password_and_keeps_what_it_takes(secrets, tmp_path):
    command = [word.replace("/run/secrets", str(secrets)) for word in SERVICES["valkey"]["command"][1:]]
    command[command.index("/data")] = str(tmp_path)
    password = (secrets / "valkey_conf").read_text().split()[1]

    with valkey_with(command) as port:
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
        broker = redis.Redis(port=port, password=password)
        assert broker.config_get("appendonly") == {"appendonly": "yes"}
        assert broker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
