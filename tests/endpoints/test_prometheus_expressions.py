"""The expressions of the sample rules and of the dashboard, read by a parser of Prometheus' language."""

import json
import re
from collections.abc import Iterator

import promql_parser
import pytest
import yaml
from promql_parser import AggregateExpr, Expr, VectorSelector

from provider.infrastructure import metrics
from tests.architecture.sources import ROOT

GROUPS = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
PANELS = json.loads((ROOT / "docs" / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule.get("record") or rule["alert"]) for rule in RULES),
    *(
        pytest.param(target["expr"], id=f"{panel['title']} {number}")
        for panel in PANELS
        for number, target in enumerate(panel.get("targets", ()), 1)
    ),
]
# Of every sample, by who scrapes it.
SCRAPED = {"instance", "job"}
OF_TEMPLATE = re.compile(r"\$labels\.(\w+)")


def nodes(expr: Expr) -> list[Expr]:
    found: list[Expr] = []
    promql_parser.walk(expr, lambda node: found.append(node) or True)
    return found


def labels_of(name: str) -> set[str]:
    """The labels of what is stored under a name. Raises KeyError for one that nothing has."""
    stored = {one.name: {*one.labels} for one in metrics.declared()}
    for one in metrics.declared():
        if one.kind == "histogram":
            stored |= {f"{one.name}_{part}": {*one.labels} for part in ("count", "sum")}
            stored[f"{one.name}_bucket"] = {*one.labels, "le"}
    for rule in RULES:
        if "record" in rule:
            by = [node.modifier for node in nodes(promql_parser.parse(rule["expr"])) if is_by(node)]
            stored[rule["record"]] = {label for one in by for label in one.labels}
    return stored[name] | SCRAPED


def is_by(node: Expr) -> bool:
    return isinstance(node, AggregateExpr) and node.modifier is not None


def selected(expr: Expr) -> Iterator[VectorSelector]:
    for node in nodes(expr):
        if isinstance(node, VectorSelector):
            yield node


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_is_read_and_asks_for_labels_that_exist(text):
    expr = promql_parser.parse(text)

    found = list(selected(expr))
    assert found
    for one in found:
        assert {matcher.name for matcher in one.matchers.matchers} <= labels_of(one.name)
    for node in filter(is_by, nodes(expr)):
        inside = [labels_of(one.name) for one in selected(node.expr)]
        assert all({*node.modifier.labels} <= labels for labels in inside)


@pytest.mark.parametrize("rule", [pytest.param(one, id=one["alert"]) for one in RULES if "alert" in one])
def test_an_alert_speaks_of_labels_that_its_expression_keeps(rule):
    expr = promql_parser.parse(rule["expr"])
    named = {name for text in rule["annotations"].values() for name in OF_TEMPLATE.findall(text)}

    by = {label for node in filter(is_by, nodes(expr)) for label in node.modifier.labels}
    is_aggregated = any(isinstance(node, AggregateExpr) for node in nodes(expr))
    kept = by if is_aggregated else {label for one in selected(expr) for label in labels_of(one.name)}
    assert named <= kept


@pytest.mark.parametrize(
    "wrong",
    [
        "sum(rate(curfew_logouts_total[5m])",
        "rate(curfew_logouts_total)",
        "sum(curfew_logouts_total[5m])",
        "f(1)",
    ],
)
def test_the_parser_finds_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse(wrong)
