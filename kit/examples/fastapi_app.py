"""A FastAPI app: `granian --interface asgi fastapi_app:app`."""

import os
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.middleware.sessions import SessionMiddleware

from curfew_rp.app_session import User
from curfew_rp.starlette import CurfewRP

app = FastAPI()
curfew = CurfewRP(
    app,
    issuer=os.environ["ISSUER"],
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    store=os.environ["STORE"],
)
app.add_middleware(SessionMiddleware, secret_key=os.environ["APP_SECRET"])


@app.get("/")
def home(user: Annotated[User, Depends(curfew.signed_in)]) -> str:
    """Greet the person."""
    return f"Hello {user.name}"
