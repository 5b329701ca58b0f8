"""The manifests of deploy/kubernetes: valid, restricted, and in agreement with each other and the image."""

import re
from collections.abc import Iterator
from dataclasses import fields

import kubernetes_validate
import pytest
import yaml

from provider.config import Settings, load_settings
from provider.config.unwise import unwise_settings
from provider.endpoints import GROUP
from tests.architecture.sources import ROOT
from tests.cli.test_examples import COMMANDS
from tests.deploy.dockerfile import stages

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
FILES = sorted(set(FOLDER.glob("*.yaml")) - {FOLDER / "kustomization.yaml"})
RESOURCES = [resource for file in FILES for resource in yaml.safe_load_all(file.read_text())]
SECRETS = {"database_url", "broker_url", "secret_key"}


def named(resource: dict) -> str:
    return f"{resource['kind']} {resource['metadata']['name']}"


def of_kind(*kinds: str) -> list[dict]:
    return [resource for resource in RESOURCES if resource["kind"] in kinds]


WORKLOADS = of_kind("Deployment", "Job")
each_workload = pytest.mark.parametrize("workload", WORKLOADS, ids=named)


def pod_of(workload: dict) -> dict:
    return workload["spec"]["template"]["spec"]


def container_of(workload: dict) -> dict:
    (container,) = pod_of(workload)["containers"]
    return container


def labels_of(workload: dict) -> dict[str, str]:
    return workload["spec"]["template"]["metadata"]["labels"]


def probes() -> Iterator[tuple[dict, dict]]:
    for workload in WORKLOADS:
        container = container_of(workload)
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            if name in container:
                yield container, container[name]


@pytest.mark.parametrize("resource", RESOURCES, ids=named)
def test_kubernetes_accepts_the_manifest(resource):
    kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)


def test_a_mistyped_field_would_be_found():
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"slector": {}}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_everything_is_in_the_namespace_and_applied():
    assert {
        resource["metadata"].get("namespace") for resource in RESOURCES if resource["kind"] != "Namespace"
    } == {"curfew"}
    assert sorted([*KUSTOMIZATION["resources"], "migrate.yaml"]) == [file.name for file in FILES]


@each_workload
def test_a_pod_meets_the_restricted_standard(workload):
    (namespace,) = of_kind("Namespace")
    pod, container = pod_of(workload), container_of(workload)

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False


@each_workload
def test_a_pod_runs_as_the_user_of_the_image(workload):
    user = pod_of(workload)["securityContext"]

    assert f"{user['runAsUser']}:{user['runAsGroup']}" == stages()[1].all_of("USER")[0]


@each_workload
def test_kubernetes_adds_no_variables_that_look_like_settings(workload):
    # A service `curfew-web` would make CURFEW_WEB_PORT, and the process refuse to start.
    assert pod_of(workload)["enableServiceLinks"] is False


@each_workload
def test_secrets_are_mounted_from_outside(workload):
    pod = pod_of(workload)

    assert of_kind("Secret") == []
    assert "env" not in container_of(workload)
    assert [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume] == ["curfew"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container_of(workload)["volumeMounts"]}
    assert mounts == {"secrets": "/run/secrets/curfew", "data": "/data", "tmp": "/tmp"}


def test_the_settings_are_right_and_none_is_unwise(tmp_path):
    (config,) = of_kind("ConfigMap")
    values = {"database_url": "postgresql+psycopg://curfew@db/curfew", "broker_url": "redis://:pw@broker/0"}
    for name in SECRETS:
        (tmp_path / name).write_text(values.get(name, "dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktMTIzNDU"))

    settings = load_settings(
        {name: value.replace("/run/secrets/curfew", str(tmp_path)) for name, value in config["data"].items()}
    )

    assert list(unwise_settings(settings)) == []
    files = {
        field.name for field in fields(Settings) if f"CURFEW_{field.name.upper()}_FILE" in config["data"]
    }
    assert files == SECRETS


@each_workload
def test_the_command_of_a_pod_exists(workload):
    program, *words = container_of(workload)["command"]
    command = max((path for path in COMMANDS if words[: len(path)] == list(path)), key=len)
    known = {option for parameter in COMMANDS[command].params for option in parameter.opts}

    assert program == "curfew"
    assert {word for word in words if word.startswith("--")} <= known


def test_all_pods_have_the_same_image_which_the_kustomization_replaces():
    (image,) = {container_of(workload)["image"] for workload in WORKLOADS}
    (replaced,) = KUSTOMIZATION["images"]

    assert image == f"{replaced['name']}:{replaced['newTag']}"


def test_probes_ask_addresses_and_ports_that_exist():
    known = {route.rule for route in GROUP.routes}
    asked = {probe["httpGet"]["path"] for _, probe in probes() if "httpGet" in probe}

    assert asked == {"/health/live", "/health/ready", "/health/started"}
    assert asked <= known
    for container, probe in probes():
        (port,) = container["ports"]
        assert (probe.get("httpGet") or probe["tcpSocket"])["port"] == port["name"]
        assert str(port["containerPort"]) in container["command"]


def test_what_stays_has_two_pods_of_which_one_may_be_evicted():
    budgets = {resource["metadata"]["name"]: resource["spec"] for resource in of_kind("PodDisruptionBudget")}

    for deployment in of_kind("Deployment"):
        budget = budgets.pop(deployment["metadata"]["name"])
        assert deployment["spec"]["replicas"] == 2
        assert budget["selector"]["matchLabels"] == labels_of(deployment)
        assert (budget.get("minAvailable"), budget.get("maxUnavailable")) in ((1, None), (None, 1))
    assert budgets == {}


def test_the_service_finds_the_web_pods():
    services = {service["metadata"]["name"]: service["spec"] for service in of_kind("Service")}
    (web,) = (workload for workload in WORKLOADS if workload["metadata"]["name"] == "curfew-web")

    assert services["curfew-web"]["selector"] == labels_of(web)
    assert services["curfew-web"]["ports"][0]["targetPort"] == container_of(web)["ports"][0]["name"]
    assert "selector" not in services["curfew-nowhere"]


def test_nothing_is_reached_that_no_policy_names():
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind("NetworkPolicy")}
    nothing = policies.pop("curfew-nothing")

    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in policies.values():
        # An empty rule would allow everything.
        rules = policy.get("ingress", []) + policy.get("egress", [])
        assert all(rule.get("ports") and (rule.get("from") or rule.get("to")) for rule in rules)
    for workload in WORKLOADS:
        assert policies["curfew-stores"]["podSelector"]["matchLabels"].items() <= labels_of(workload).items()


def test_apps_are_reached_at_public_addresses_alone():
    (rule,) = next(
        policy["spec"]["egress"]
        for policy in of_kind("NetworkPolicy")
        if policy["metadata"]["name"] == "curfew-apps"
    )
    excepted = {network for target in rule["to"] for network in target["ipBlock"]["except"]}

    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"} <= excepted
    assert rule["ports"] == [{"port": 443}]


def test_the_page_makes_the_secret_with_the_names_that_are_mounted():
    page = (ROOT / "docs" / "operate" / "deploy.md").read_text()

    assert set(re.findall(r"--from-file=(\w+)=?", page)) == SECRETS
