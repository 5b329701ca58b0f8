"""A device without a browser, and the person who lets it in."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from provider.infrastructure.database import transaction
from provider.protocol import user_code as user_codes
from provider.protocol.grant_types import DEVICE_CODE
from provider.sessions.queries import find_live
from provider.tokens import device_codes
from tests.factories import SignedIn
from tests.support.relying_party import RelyingParty

SCOPE = "openid profile offline_access"


class Device(RelyingParty):
    """A public client on a television, which asks and polls."""

    def __init__(self, app: Flask, client_id: str = "tv", *, public: bool = True, **made: Any) -> None:
        usual = {
            "client_name": "Television",
            "application_type": "native",
            "redirect_uris": [],
            "grant_types": [DEVICE_CODE, "refresh_token"],
            "first_party": False,
        }
        super().__init__(app, client_id, public=public, **(usual | made))

    @classmethod
    def of(cls, app: Flask, client_id: str) -> "Device":
        """A public client that is already registered."""
        device = cls.__new__(cls)
        device.client_id, device.public, device.redirect_uri = client_id, True, ""
        device.http = app.test_client(use_cookies=False)
        return device

    def ask(self, **changes: str | None) -> TestResponse:
        return self.post("/device-authorization", **({"scope": SCOPE} | changes))

    def begin(self, **changes: str | None) -> dict[str, Any]:
        response = self.ask(**changes)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.json

    def poll(self, device_code: str, /, **changes: str | None) -> TestResponse:
        return self.post("/token", **({"grant_type": DEVICE_CODE, "device_code": device_code} | changes))

    def sign_in_by(self, made: SignedIn, **changes: str | None) -> dict[str, Any]:
        """Tokens, once the person of a session has let the device in."""
        begun = self.begin(**changes)
        assert answer(begun["user_code"], made)
        response = self.poll(begun["device_code"])
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.json


def answer(user_code: str, made: SignedIn, *, allow: bool = True) -> bool:
    """Have the person of a session answer, as the page does; whether that answer counted."""
    with transaction():
        person = find_live(made.handle)
        waiting = device_codes.find_waiting(user_codes.read(user_code) or "")
        if person is None or waiting is None:
            return False
        return (device_codes.allow if allow else device_codes.deny)(waiting[0], person)
