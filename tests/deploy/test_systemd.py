"""The units of deploy/systemd: systemd reads them, they are confined, and they start what exists."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.cli.test_examples import COMMANDS
from tests.support.waiting import PATIENCE

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
# What `systemd-analyze security` finds: 0 is a unit that may do nothing, 10 one that may do everything.
MOST_EXPOSED = 1.5

each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed, so it read no unit"
)


def values_of(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE
    )


@needs_systemd
@each_unit
def test_systemd_accepts_the_unit(unit, tmp_path):
    # It also looks whether the program exists, which is not installed on the machine of a test.
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/curfew/bin/curfew", "/bin/true"))

    outcome = analyze("verify", "--man=no", str(copy))

    assert (outcome.returncode, outcome.stderr) == (0, "")


@needs_systemd
@each_unit
def test_the_unit_is_confined(unit):
    outcome = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED * 10:.0f}", str(unit))

    if "unrecognized option" in outcome.stderr:
        pytest.skip("this systemd cannot judge a unit that is not loaded")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@each_unit
def test_the_command_of_the_unit_exists(unit):
    program, *words = shlex.split(values_of(unit, "ExecStart")[0])
    command = max((path for path in COMMANDS if words[: len(path)] == list(path)), key=len)
    known = {option for parameter in COMMANDS[command].params for option in parameter.opts}

    assert program == "/opt/curfew/bin/curfew"
    assert {word for word in words if word.startswith("--")} <= known


def test_all_units_are_confined_in_the_same_way():
    def confinement(unit: Path) -> list[str]:
        lines = unit.read_text().partition("# What the process may do;")[2].splitlines()[1:]
        wanted = (
            line for line in lines if "=" in line and not line.startswith(("#", "ProcSubset", "WantedBy"))
        )
        return list(wanted)

    assert len({json.dumps(confinement(unit)) for unit in UNITS}) == 1
    assert "ProtectSystem=strict" in confinement(UNITS[0])


@each_unit
def test_the_unit_reads_what_init_writes_where_the_manual_says(unit):
    text = (ROOT / "docs" / "operate" / "deploy.md").read_text()
    config = values_of(unit, "Environment")[0].removeprefix("CURFEW_CONFIG=")
    data = f"/var/lib/{values_of(unit, 'StateDirectory')[0]}"

    assert f"--config {config} --data-dir {data}" in text.replace("\\\n", "").replace("  ", " ")
    assert values_of(unit, "User") == ["curfew"]
    assert values_of(unit, "ReadOnlyPaths") == [str(Path(config).parent)]


def test_a_service_is_not_restarted_because_of_wrong_settings():
    from provider.cli.context import WRONG_SETTINGS

    for unit in UNITS:
        if values_of(unit, "Restart"):
            assert values_of(unit, "RestartPreventExitStatus") == [str(WRONG_SETTINGS)]
