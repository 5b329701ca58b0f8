"""Django apps that are the printed recipes: django-allauth, mozilla-django-oidc and Python Social Auth."""

import json
from contextlib import contextmanager

import pytest

from tests.interop.app_process import running
from tests.interop.conftest import HERE
from tests.support.demo import free_run

PYTHON = HERE / "python" / ".venv" / "bin" / "python"
# How a sign-in begins.
LOGIN = {
    "django-allauth": ("POST", "/accounts/oidc/curfew/login/"),
    "mozilla-django-oidc": ("GET", "/oidc/authenticate/"),
    "python-social-auth": ("POST", "/login/oidc/"),
}


@pytest.fixture
def serve(add_for, tmp_path):
    @contextmanager
    def serve(software):
        if not list(PYTHON.parents[1].glob("lib/python*/site-packages/django")):
            pytest.skip("Django is not installed beside these tests: `make interop` gets it")
        port = free_run(1)
        url = f"http://127.0.0.1:{port}"
        client = add_for(software, url)
        facts = {"software": software, "files": client.files, "folder": str(tmp_path), "port": port}
        command = [PYTHON, HERE / "python" / "django_app.py", json.dumps(facts)]
        # The apps call the provider at the loopback, whatever proxy there is.
        environ = {"CURFEW_CLIENT_SECRET": client.secret, "NO_PROXY": "*"}
        with running(command, tmp_path, url, environ):
            yield url

    return serve


@pytest.mark.spec("core §3.1.3.7, core 15")
@pytest.mark.parametrize("software", LOGIN)
def test_it_knows_who_signed_in(ada, serve, software, site):
    with serve(software) as app:
        assert ada.browser.ask("GET", f"{app}/").json() == {"name": None}
        method, path = LOGIN[software]

        ada.go(ada.browser.ask(method, f"{app}{path}").url)

        assert ada.browser.ask("GET", f"{app}/").json()["name"] in ("Ada Lovelace", "ada@example.test")
        if software == "mozilla-django-oidc":
            # The only one of them that signs out at the provider.
            left = ada.browser.ask("POST", f"{app}/oidc/logout/")
            assert left.history[1].url.startswith(f"{site.issuer}/session/end?id_token_hint=")
            ada.browser.open(f"{app}{path}")
            assert ada.browser.has("sign-in")
