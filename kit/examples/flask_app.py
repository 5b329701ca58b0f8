"""A Flask app: `flask --app flask_app run`."""

import os

from flask import Flask

from curfew_rp.flask import CurfewRP

app = Flask(__name__)
app.secret_key = os.environ["APP_SECRET"]
curfew = CurfewRP(
    app,
    issuer=os.environ["ISSUER"],
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    store=os.environ["STORE"],
)


@app.get("/")
@curfew.sign_in_required
def home() -> str:
    """Greet the person."""
    return f"Hello {curfew.user.name if curfew.user else ''}"
