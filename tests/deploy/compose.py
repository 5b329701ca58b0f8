"""deploy/compose.yml as Docker Compose reads it, with the host of the documentation."""

import re
from typing import Any

import yaml

from tests.architecture.sources import ROOT

DEPLOY = ROOT / "deploy"
HOST = "id.example"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def variables_of(name: str) -> dict[str, str]:
    """The variables of a service: what must be given is the host, everything else has a default."""
    return {
        variable: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", re.sub(r"\$\{CURFEW_HOST:\?[^}]*\}", HOST, value))
        for variable, value in SERVICES[name].get("environment", {}).items()
    }
