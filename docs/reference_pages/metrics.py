"""The page about metrics, from their declarations."""

from docs.reference_pages.markdown import code, codes, table
from docs.reference_pages.markdown import page as markdown_page
from provider.infrastructure import metrics

_ABOUT = """\
`/metrics` answers in the Prometheus text format to callers that present `CURFEW_METRICS_BEARER_TOKEN`;
`curfew worker --metrics-port` opens the same for a worker.

Counters and histograms belong to the process that counts: use `sum()` over processes. Gauges are read from
the database at each scrape: use `max()`. A histogram has the series `_bucket`, `_count` and `_sum`."""


def page() -> str:
    """Return the page."""
    declared = metrics.declared()
    used = {label for metric in declared for label in metric.labels}
    if used != metrics.LABELS.keys():
        raise ValueError(f"describe the labels {sorted(used ^ metrics.LABELS.keys())}")
    parts = []
    for one in declared:
        with_labels = f" Labels: {codes(one.labels)}." if one.labels else ""
        parts += [f"## `{one.name}`", one.meaning, f"Type: {one.kind}.{with_labels}"]
    labels = [(code(name), content) for name, content in sorted(metrics.LABELS.items())]
    return markdown_page(
        "Metrics",
        _ABOUT,
        *parts,
        "## Labels",
        "No label holds a person, a token or an address.",
        table(("Label", "Content"), labels),
    )
