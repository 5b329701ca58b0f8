"""Acting for a person at another service, with a token in exchange for the person's own (rfc8693)."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from curfew_rp.errors import ProviderUnreachable
from curfew_rp.provider_keys import ProviderKeys
from relying_party_demo import clock
from relying_party_demo.dpop import DPoPKey
from relying_party_demo.protected_api.config import ProtectedAPIConfig
from relying_party_demo.wire import Response, Wire

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 – a name, no token.
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 – a name, no token.
WATCHES_KEPT = 20


class ExchangeRefused(Exception):
    """The provider gives this service no token for the person."""


class TooManyWatches(Exception):
    """The service already runs as many jobs as it has threads for."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """A job that calls the other service for a person until it is refused."""

    sub: str
    token: str = field(repr=False)
    begun_at: datetime
    calls: int = 0
    ended_at: datetime | None = None
    reason: str = ""

    def end(self, reason: str) -> None:
        """End the job and drop its token."""
        self.ended_at, self.reason, self.token = clock.now(), reason, ""


class Acting:
    """The service as a client: it exchanges tokens, and runs the jobs that hold them."""

    def __init__(self, config: ProtectedAPIConfig, provider: ProviderKeys) -> None:
        self._config = config
        self._provider = provider
        self._wire = Wire(config.ca_bundle)
        # A token that is bound to the app's key is exchanged for one that is bound to this key (rfc9449 §5).
        self._key = DPoPKey.generate()
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(WATCHES_KEPT)
        self._stopping = threading.Event()
        self._watches: list[Watch] = []
        self._threads: list[threading.Thread] = []

    def begin_watch(self, token: str, sub: str) -> Watch:
        """Begin to call the other service for a person.

        Raises TooManyWatches, ExchangeRefused or ProviderUnreachable.
        """
        if not self._free.acquire(blocking=False):
            raise TooManyWatches(f"{WATCHES_KEPT} jobs run already")
        try:
            watch = Watch(sub=sub, token=self._exchange(token), begun_at=clock.now())
            self._start(watch)
        except BaseException:
            self._free.release()
            raise
        return watch

    def _start(self, watch: Watch) -> None:
        thread = threading.Thread(target=self._run, args=(watch,), daemon=True)
        with self._lock:
            self._watches = [watch, *self._watches][:WATCHES_KEPT]
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def list_watches(self) -> list[Watch]:
        """Return the jobs, the newest first."""
        with self._lock:
            return list(self._watches)

    def close(self) -> None:
        """Stop all jobs."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._wire.close()

    def _exchange(self, token: str) -> str:
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": token,
            "subject_token_type": ACCESS_TOKEN_TYPE,
        }
        response = self._wire.send(
            "POST",
            self._provider.endpoint("token_endpoint"),
            form=form,
            key=self._key,
            credentials=(self._config.client_id, self._config.client_secret),
        )
        document = response.document()
        if not response.is_ok or not isinstance(document.get("access_token"), str):
            raise ExchangeRefused(
                str(document.get("error_description") or document.get("error") or response.status)
            )
        return str(document["access_token"])

    def _run(self, watch: Watch) -> None:
        try:
            self._call_until_refused(watch)
        finally:
            self._free.release()

    def _call_until_refused(self, watch: Watch) -> None:
        url = f"{self._config.calls.rstrip('/')}/entries"
        while not self._stopping.is_set():
            response = self._answer(url, watch.token)
            # A missing response or a server error says nothing about the person, so call again.
            if response is not None and response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                if not response.is_ok:
                    watch.end(f"refused with {response.status}")
                    return
                watch.calls += 1
            self._stopping.wait(self._config.watch_every.total_seconds())

    def _answer(self, url: str, token: str) -> Response | None:
        try:
            return self._wire.send("GET", url, key=self._key, access_token=token)
        except ProviderUnreachable:
            return None
