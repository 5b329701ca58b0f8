"""Settings by the names that they had in an earlier release."""

import pytest

from provider.config import WrongSettings
from provider.config.load import load_settings

REQUIRED = {"CURFEW_ISSUER": "https://id.example"}


def test_a_former_name_still_works():
    settings = load_settings(REQUIRED | {"CURFEW_MASS_ENDING_PACE": "20"}, secret_key="k" * 43)

    assert settings.bulk_logout_pace == 20


def test_a_former_name_still_works_in_the_settings_file(tmp_path):
    file = tmp_path / "curfew.toml"
    file.write_text("mass_ending_batch = 7\n")

    settings = load_settings(REQUIRED | {"CURFEW_CONFIG": str(file)}, secret_key="k" * 43)

    assert settings.bulk_logout_batch == 7


def test_both_names_at_once_are_refused():
    environ = {"CURFEW_MASS_ENDING_PACE": "20", "CURFEW_BULK_LOGOUT_PACE": "30"}

    with pytest.raises(WrongSettings) as found:
        load_settings(REQUIRED | environ, secret_key="k" * 43)

    (problem,) = found.value.problems
    assert problem.startswith(
        "CURFEW_BULK_LOGOUT_PACE and its former name CURFEW_MASS_ENDING_PACE are both set"
    )


def test_both_names_in_the_settings_file_are_refused(tmp_path):
    file = tmp_path / "curfew.toml"
    file.write_text("mass_ending_batch = 7\nbulk_logout_batch = 8\n")

    with pytest.raises(WrongSettings) as found:
        load_settings(REQUIRED | {"CURFEW_CONFIG": str(file)}, secret_key="k" * 43)

    (problem,) = found.value.problems
    assert problem.startswith("bulk_logout_batch and its former name are both in")
