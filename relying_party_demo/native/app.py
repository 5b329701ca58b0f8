"""One installation of the app, put together from its parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from curfew_rp.provider_keys import ProviderKeys
from relying_party_demo.native.account_data import AccountData, delete_all_but, folder_of
from relying_party_demo.native.config import NativeConfig
from relying_party_demo.native.locks import changing
from relying_party_demo.native.pending import PendingRecord
from relying_party_demo.native.push import PushHook
from relying_party_demo.native.secret_store import SecretStore, choose_store
from relying_party_demo.native.sign_in_record import SignIn, SignInRecord
from relying_party_demo.wire import Wire


class NotSignedIn(Exception):
    """The person has to sign in first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeApp:
    """The parts that the commands work with."""

    config: NativeConfig
    secrets: SecretStore
    record: SignInRecord
    pending: PendingRecord
    provider: ProviderKeys
    wire: Wire
    push: PushHook

    def data_of(self, sign_in: SignIn) -> AccountData:
        """Return the stored data of the person who is signed in."""
        config = self.config
        return AccountData(folder_of(config.data_dir, config.issuer, config.client_id, sign_in.sub))

    def get_sign_in(self) -> SignIn:
        """Return the sign-in. Raises NotSignedIn or StoreUnavailable."""
        sign_in = self.record.load()
        if sign_in is None:
            raise NotSignedIn("you are not signed in")
        return sign_in

    def tidy(self) -> None:
        """Delete data without a sign-in: leftovers of a crash, a restore or an earlier installation."""
        with changing(self.config.data_dir):
            sign_in = self.record.load()
            if sign_in is None:
                self.record.forget()
            delete_all_but(self.config.data_dir, self.data_of(sign_in).folder if sign_in else None)


@contextmanager
def opened(config: NativeConfig) -> Iterator[NativeApp]:
    """Put the app together, and close its connections at the end."""
    secrets = choose_store(config)
    wire = Wire(config.ca_bundle)
    try:
        yield NativeApp(
            config=config,
            secrets=secrets,
            record=SignInRecord(secrets),
            pending=PendingRecord(secrets),
            provider=ProviderKeys(config.issuer, ca_bundle=config.ca_bundle),
            wire=wire,
            push=PushHook(config.push_hook),
        )
    finally:
        wire.close()
