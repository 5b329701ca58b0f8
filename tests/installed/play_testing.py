"""The pytest plugin as an installed wheel registers it: an app of the kit signs people out.

Run by pytest in an environment that holds both wheels, outside the checkout; `make wheel-check` does so.
"""

import sys
from pathlib import Path

from flask import Flask

import curfew_rp
from curfew_rp.flask import CurfewRP
from curfew_rp.testing import App, assert_logs_out, serve


def test_people_are_signed_out(provider, tmp_path):
    """The fixture comes from the plugin; the app's cookies and store outlive its restart."""
    assert Path(curfew_rp.__file__).is_relative_to(sys.prefix), "this is the checkout"
    client = provider.add_client()

    def make(_url):
        app = Flask(__name__)
        app.secret_key = "of the tests"
        store = f"sqlite:///{tmp_path / 'app.sqlite3'}"
        rp = CurfewRP(
            app,
            issuer=provider.issuer,
            client_id=client.client_id,
            client_secret=client.client_secret,
            store=store,
        )
        app.add_url_rule("/", "home", rp.sign_in_required(lambda: "hello"))
        return app

    with serve(make) as server:
        app = App(
            provider=provider,
            client=client,
            backchannel_logout_uri=f"{server.url}/backchannel-logout",
            login_url=f"{server.url}/login",
            page_url=f"{server.url}/",
            restart=server.restart,
        )
        assert_logs_out(app, strict=True)
