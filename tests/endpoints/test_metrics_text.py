"""The text of all metrics is what Prometheus reads."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.endpoints.test_metrics import TOKEN, text_of_metrics
from tests.factories import make_client, make_session


@pytest.fixture
def settings(settings):
    return replace(settings, metrics_bearer_token=TOKEN)


def test_it_is_readable_and_tells_each_value_once(app, ada):
    make_session(ada, [make_client("red")])

    families = list(text_string_to_metric_families(text_of_metrics(app)))

    samples = [(one.name, *sorted(one.labels.items())) for family in families for one in family.samples]
    assert len(samples) == len(set(samples))
    assert {"curfew_sign_ins", "curfew_http_requests"} <= {family.name for family in families}
