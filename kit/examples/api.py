"""A protected API in each freshness mode: `flask --app api run`; MODE is ask, ask-5 or signed."""

import os
from datetime import timedelta

from flask import Flask, g

from curfew_rp import ProviderKeys, store_from_url
from curfew_rp.flask_api import require
from curfew_rp.resource_server import Introspection, ProofOfPossession, ResourceServer, SignedTokens
from curfew_rp.resource_server.guard import Mode

app = Flask(__name__)
keys = ProviderKeys(os.environ["ISSUER"])
store = store_from_url(os.environ["STORE"])


def mode_of(name: str) -> Mode:
    """Return the freshness mode of that name."""
    if name == "signed":
        return SignedTokens(keys, audience=os.environ["AUDIENCE"], store=store)
    return Introspection(
        keys,
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        audience=os.environ["AUDIENCE"],
        kept_for=timedelta(seconds=int(name.partition("-")[2] or 0)),
    )


guard = ResourceServer(mode_of(os.environ["MODE"]), dpop=ProofOfPossession(store))


@app.get("/orders")
@require(guard, scopes={"orders"})
def orders() -> dict[str, str | None]:
    """List the orders of the person."""
    return {"of": g.access.sub}


@app.post("/orders/pay")
@require(guard, scopes={"orders"}, max_age=timedelta(minutes=5))
def pay() -> dict[str, bool]:
    """Pay, which takes a recent sign-in."""
    return {"paid": True}
