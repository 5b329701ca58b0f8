"""A secret may be in a file that a variable names, as Docker and Kubernetes mount secrets."""

import pytest

from provider.config import WrongSettings, describe_settings, load_settings

BROKER = "redis://:a-password@broker:6379/0"


@pytest.fixture
def secret_file(tmp_path):
    file = tmp_path / "broker_url"
    file.write_text(f"{BROKER}\n")
    return file


def problems_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(WrongSettings) as refused:
        load_settings(environ)
    return refused.value.problems


def test_a_secret_is_read_from_the_file_without_its_line_break(secret_file):
    assert load_settings({"CURFEW_BROKER_URL_FILE": str(secret_file)}).broker_url == BROKER


def test_it_is_shown_as_set_and_not_by_its_value(secret_file):
    environ = {"CURFEW_BROKER_URL_FILE": str(secret_file)}

    views = {view.name: view for view in describe_settings(load_settings(environ), environ)}

    assert (views["broker_url"].value, views["broker_url"].source) == ("(set)", "environment")


def test_it_takes_precedence_over_the_settings_file(secret_file, tmp_path):
    settings_file = tmp_path / "curfew.toml"
    settings_file.write_text('broker_url = "redis://another:6379/0"')
    environ = {"CURFEW_CONFIG": str(settings_file), "CURFEW_BROKER_URL_FILE": str(secret_file)}

    assert load_settings(environ).broker_url == BROKER


def test_a_value_beside_the_file_is_refused(secret_file):
    environ = {"CURFEW_BROKER_URL_FILE": str(secret_file), "CURFEW_BROKER_URL": BROKER}

    assert problems_of(environ) == [
        "CURFEW_BROKER_URL and CURFEW_BROKER_URL_FILE are both set: remove one of them"
    ]


def test_a_missing_file_is_reported_with_every_other_problem(tmp_path):
    environ = {"CURFEW_SECRET_KEY_FILE": str(tmp_path / "missing"), "CURFEW_ISSUR": "https://id.example"}

    missing, unknown = sorted(problems_of(environ), key=lambda problem: "ISSUR" in problem)

    assert missing.startswith("the file that CURFEW_SECRET_KEY_FILE names cannot be read: ")
    assert unknown == "unknown setting CURFEW_ISSUR; did you mean CURFEW_ISSUER?"


def test_a_setting_that_is_no_secret_has_no_file(secret_file):
    assert problems_of({"CURFEW_ISSUER_FILE": str(secret_file)}) == [
        "unknown setting CURFEW_ISSUER_FILE; did you mean CURFEW_ISSUER?"
    ]
