"""The promises of the Dockerfile: an installed wheel, no checkout, no root, only its data is writable."""

import json
import re
import shlex
import subprocess

import pytest

from tests.architecture.sources import ROOT
from tests.deploy.dockerfile import build_commands, stages

BUILD, RUNTIME, DEMO, SERVER = stages()


def test_the_last_stage_is_the_provider_alone():
    assert (SERVER.base, SERVER.instructions) == ("runtime", [])
    assert [stage.name for stage in stages()] == ["build", "runtime", "demo", "server"]


def test_the_wheel_is_installed_as_a_copy():
    text = " ".join(BUILD.all_of("RUN"))

    assert "--no-deps --offline /wheel/*.whl" in text
    assert not re.search(r"(^| )(-e|--editable)( |$)", text)


def test_everything_from_an_index_is_known_by_its_hash():
    installs = [line for line in BUILD.all_of("RUN") if re.match(r"(uv )?pip install", line)]

    assert installs
    for line in installs:
        assert ("--require-hashes" in line) != ("--offline" in line), line


def test_the_installation_alone_reaches_the_runtime_stage():
    assert RUNTIME.all_of("COPY") == ["--from=build /opt/curfew /opt/curfew"]
    assert RUNTIME.all_of("ADD") == []


def test_both_stages_have_the_same_python():
    # The environment links to the interpreter of the stage in which it was made.
    assert BUILD.base == RUNTIME.base


def test_commands_run_as_a_number_that_is_not_root():
    keywords = [keyword for keyword, _ in RUNTIME.instructions]
    user, group = RUNTIME.all_of("USER")[-1].split(":")

    assert keywords.index("USER") < keywords.index("CMD")
    assert int(user) > 0
    assert int(group) > 0
    assert DEMO.all_of("USER") == []


def test_the_data_folder_is_the_volume():
    settings = dict(pair.split("=") for pair in shlex.split(RUNTIME.all_of("ENV")[0]))

    assert RUNTIME.all_of("VOLUME") == [settings["CURFEW_DATA_DIR"]]


def test_the_health_check_asks_the_port_that_is_served():
    command = json.loads(RUNTIME.all_of("CMD")[0])
    port = command[command.index("--port") + 1]

    assert RUNTIME.all_of("EXPOSE") == [port]
    assert f"http://127.0.0.1:{port}/health/live" in RUNTIME.all_of("HEALTHCHECK")[0]


@pytest.mark.parametrize("stage", [BUILD, DEMO], ids=lambda stage: stage.name)
def test_what_is_copied_exists_and_is_sent_to_the_builder(stage):
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    for arguments in stage.all_of("COPY"):
        for source in arguments.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in sent, source


def test_the_replay_of_the_build_is_a_shell_script(tmp_path):
    script = build_commands(tmp_path)

    subprocess.run(["sh", "-n", "-c", script], check=True)
    assert f"--python {tmp_path}/opt/curfew" in script
