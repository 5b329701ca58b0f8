"""The meaning of "signed out" on this device: everything the app stores, and how each is deleted.

| stored | at a sign-out |
|---|---|
| access token, refresh token, DPoP key | deleted from the secret store |
| profile | deleted |
| responses of the API | deleted |
| what embedded pages store | deleted |
| push registration | deregistered; written down where the hook fails |
| session of the browser | not the app's: ended on request, in the browser (`sign_out_here.py`) |
"""

import contextlib
from collections.abc import Callable

from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.locks import changing
from relying_party_demo.native.pending import Kind
from relying_party_demo.native.push import HookFailed
from relying_party_demo.native.sign_in_record import SignIn


class PurgeIncomplete(Exception):
    """Something that was stored could not be deleted; the rest is gone."""


def purge(app: NativeApp, sign_in: SignIn) -> None:
    """Delete everything of one sign-in. Raises StoreUnavailable, before deleting, or PurgeIncomplete."""
    with changing(app.config.data_dir):
        now = app.record.load()
        # Another process may have signed another person in since.
        if now is not None and now.local_id != sign_in.local_id:
            return
        app.record.forget()
        left = [name for name, delete in _files(app, sign_in) if not _is_done(delete)]
        _deregister(app, sign_in)
    if left:
        raise PurgeIncomplete(f"could not be deleted: {', '.join(left)}")


def _files(app: NativeApp, sign_in: SignIn) -> list[tuple[str, Callable[[], None]]]:
    data = app.data_of(sign_in)
    return [
        ("the profile", data.delete_profile),
        ("stored responses of the API", data.delete_responses),
        ("data of embedded pages", data.delete_web_views),
        (f"the folder {data.folder}", data.delete),
    ]


def _is_done(delete: Callable[[], None]) -> bool:
    with contextlib.suppress(OSError):
        delete()
        return True
    return False


def _deregister(app: NativeApp, sign_in: SignIn) -> None:
    try:
        app.push.deregister(sign_in.push_registration)
    except HookFailed:
        app.pending.add(Kind.PUSH, sign_in.push_registration)
