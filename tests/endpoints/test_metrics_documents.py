"""Every metric that the documents and the dashboard ask for exists, and the reverse."""

import json
import re

import pytest
import yaml

from provider.infrastructure import metrics
from tests.architecture.sources import ROOT

NAME = re.compile(r"\bcurfew_[a-z_]+")
RECORDED = re.compile(r"\bcurfew:[a-z_]+:[a-z0-9]+")


@pytest.mark.parametrize("document", ["alerts.yml", "dashboard.json"])
def test_the_documents_ask_for_names_that_exist(document):
    asked = set(NAME.findall((ROOT / "docs" / document).read_text()))

    assert asked
    assert asked - metrics.names() == set()


def test_the_rules_are_complete_and_refer_to_what_is_recorded():
    groups = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    recorded = [rule["record"] for rule in rules if "record" in rule]

    assert all(("alert" in rule) != ("record" in rule) for rule in rules)
    assert all(
        rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in rules if "alert" in rule
    )
    assert len(recorded) == len(set(recorded)) == 6
    for rule in rules:
        without_texts = re.sub(r'"[^"]*"', "", rule["expr"])
        for opened, closed in ("()", "[]", "{}"):
            assert without_texts.count(opened) == without_texts.count(closed), rule
        assert set(RECORDED.findall(rule["expr"])) <= set(recorded)


def test_every_metric_is_on_the_dashboard():
    shown = set(NAME.findall((ROOT / "docs" / "dashboard.json").read_text()))

    assert {name for name in metrics.names() if not name.endswith(("_sum", "_count"))} - shown == set()


def test_the_dashboard_is_json_with_a_query_in_each_panel():
    dashboard = json.loads((ROOT / "docs" / "dashboard.json").read_text())

    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
