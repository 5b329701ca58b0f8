"""Sign out on this device: no request is made, so it takes a moment and needs no network.

The pending revocation is recorded first; `hand_in.py` hands it in afterwards.
"""

from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.locks import changing, signing_out
from relying_party_demo.native.pending import Kind
from relying_party_demo.native.purge import purge
from relying_party_demo.native.sign_in_record import SignIn

_ASK_AGAIN = "ask-again"


def sign_out_here(app: NativeApp) -> None:
    """End the sign-in of this device. Raises NotSignedIn, SignOutInProgress, StoreUnavailable."""
    with signing_out(app.config.data_dir):
        end_sign_in(app, app.get_sign_in())


def end_sign_in(app: NativeApp, sign_in: SignIn) -> None:
    """Record the revocation, then delete everything: a crash in between loses nothing."""
    with changing(app.config.data_dir):
        now = app.record.load()
        # A refresh may have brought newer tokens since.
        tokens = now.tokens if now is not None and now.local_id == sign_in.local_id else sign_in.tokens
        app.pending.add(Kind.REVOCATION, tokens.refresh_token or tokens.access_token)
    purge(app, sign_in)


def end_unsaved(app: NativeApp, sign_in: SignIn) -> None:
    """Record the revocation of a sign-in that is not used here; nothing of it was stored."""
    with changing(app.config.data_dir):
        app.pending.add(Kind.REVOCATION, sign_in.tokens.refresh_token or sign_in.tokens.access_token)


def finish_interrupted(app: NativeApp) -> bool:
    """Finish a sign-out that was interrupted after it had been recorded; return whether there was one."""
    sign_in = app.record.load()
    if sign_in is None:
        return False
    owed = {one.value for one in app.pending.list_all()}
    if owed.isdisjoint({sign_in.tokens.refresh_token, sign_in.tokens.access_token}):
        return False
    purge(app, sign_in)
    return True


def remember_to_ask(app: NativeApp, *, wanted: bool) -> None:
    """Set whether the next sign-in asks for the password: the browser's session may outlive ours."""
    marker = app.config.data_dir / _ASK_AGAIN
    if wanted:
        marker.touch(mode=0o600)
    else:
        marker.unlink(missing_ok=True)


def must_ask_again(app: NativeApp) -> bool:
    """Return whether the next sign-in asks for the password."""
    return (app.config.data_dir / _ASK_AGAIN).exists()
