"""nginx and Caddy accept the samples of deploy/, as they are or with the paths and ports of a test."""

import os
import subprocess

import pytest

from tests.deploy.proxies import CADDY_SAMPLE, caddy_command, find, make_place, nginx_command
from tests.support.waiting import PATIENCE

PATHS = pytest.mark.parametrize("path", ["", "/auth"], ids=["a host of its own", "below a path"])
needs_nginx = pytest.mark.skipif(not find("nginx"), reason="nginx is not installed, so it read no sample")
needs_caddy = pytest.mark.skipif(not find("caddy"), reason="caddy is not installed, so it read no sample")


def run(*command: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


@needs_nginx
@PATHS
def test_nginx_accepts_its_sample(tmp_path, path):
    outcome = run(*nginx_command(make_place(tmp_path, path)), "-t")

    assert outcome.returncode == 0, outcome.stderr
    assert "[warn]" not in outcome.stderr


@needs_caddy
@PATHS
def test_caddy_accepts_its_sample(tmp_path, path):
    caddy, _, *options = caddy_command(make_place(tmp_path, path))

    outcome = run(caddy, "validate", *options)

    assert outcome.returncode == 0, outcome.stderr
    assert '"logger":"caddyfile"' not in outcome.stderr


@needs_caddy
@pytest.mark.parametrize("file", sorted(CADDY_SAMPLE.iterdir()), ids=lambda file: file.name)
def test_caddy_would_not_format_its_sample_in_another_way(file):
    assert run(find("caddy"), "fmt", str(file)).stdout == file.read_text()


@needs_caddy
def test_caddy_takes_several_servers_from_the_environment():
    sample = ("--adapter", "caddyfile", "--config", str(CADDY_SAMPLE / "Caddyfile"))

    outcome = run(find("caddy"), "adapt", *sample, CURFEW_UPSTREAMS="web-a:8900 web-b:8900")

    assert '"upstreams":[{"dial":"web-a:8900"},{"dial":"web-b:8900"}]' in outcome.stdout
