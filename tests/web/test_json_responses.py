"""What `jsonify` writes is what Flask's own writes, as values."""

import json

import pytest
from flask import jsonify
from markupsafe import Markup


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"b": 1, "a": {"d": [True, None], "c": 0.5}}, id="objects"),
        pytest.param("Zo\u00eb \u2028 </script>", id="text that some would escape"),
        pytest.param(2**70, id="a number beyond 64 bits"),
        pytest.param("half a character: \ud83d", id="half a character"),
        pytest.param({1: "one"}, id="a name that is a number"),
    ],
)
def test_a_value_comes_back(app, value):
    with app.test_request_context():
        response = jsonify(value)

    assert (response.status_code, response.content_type) == (200, "application/json")
    assert json.loads(response.data) == json.loads(json.dumps(value))


def test_names_are_sorted_and_a_line_ends(app):
    with app.test_request_context():
        assert jsonify(b=1, a={"d": 1, "c": 2}).data == b'{"a":{"c":2,"d":1},"b":1}\n'


def test_what_only_flask_can_write_is_left_to_it(app):
    with app.test_request_context():
        assert json.loads(jsonify(Markup("<b>")).data) == "<b>"
