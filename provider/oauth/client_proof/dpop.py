"""Proofs of possession that come with requests (rfc9449): each works once, with our nonce if required.

A nonce is derived from our key and the time, so that no process needs to remember it.
"""

import hmac
from datetime import timedelta

from provider.infrastructure import clock, current
from provider.infrastructure.secrets import SecretBox
from provider.oauth.client_proof.client_request import ClientRequest
from provider.protocol import dpop_proof
from provider.protocol.dpop_proof import LONGEST_DISTANCE, DPoPProof, MalformedProof
from provider.protocol.errors import InvalidDPoPProof, UseDPoPNonce
from provider.tokens.proofs import use_once

# A nonce is accepted for at least this long, and for at most twice as long (rfc9449 §8.2).
NONCE_PERIOD = timedelta(minutes=2)


def thumbprint_of(asked: ClientRequest) -> str | None:
    """Return the key whose possession a client's request proves, if it has a proof; the proof is used up.

    The caller has a transaction open. Raises InvalidDPoPProof or UseDPoPNonce.
    """
    if asked.dpop is None:
        return None
    proof = read(asked.dpop, method="POST", url=asked.url)
    use_up(proof)
    return proof.jkt


def read(text: str, *, method: str, url: str, access_token: str | None = None) -> DPoPProof:
    """Check a proof, without using it up. Raises InvalidDPoPProof or UseDPoPNonce."""
    try:
        proof = dpop_proof.read(
            text, method=method, urls=_addresses(url), now=clock.now(), access_token=access_token
        )
    except MalformedProof as exc:
        raise InvalidDPoPProof(str(exc)) from exc
    if current.settings().dpop_nonce_required and not _is_ours(proof.nonce):
        raise UseDPoPNonce("the DPoP proof must contain the nonce from this response")
    return proof


def use_up(proof: DPoPProof) -> None:
    """Take a proof for the one request that it was made for. Raises InvalidDPoPProof."""
    if not use_once(proof.jkt, proof.jti, proof.iat + LONGEST_DISTANCE):
        raise InvalidDPoPProof("the DPoP proof was already used")


def nonce_now() -> str:
    """Return the nonce that proofs should hold from now on."""
    return _nonce_of(_period(), current.secret_box())


def _addresses(url: str) -> list[str]:
    """Return the addresses of one endpoint; rfc8705 §5 has a second, where certificates are shown."""
    settings = current.settings()
    aliases = [settings.mtls_issuer + url.removeprefix(settings.issuer)] if settings.mtls_issuer else []
    return [url, *aliases]


def _is_ours(nonce: str | None) -> bool:
    given = (nonce or "").encode(errors="replace")
    # It is compared again with reread data keys, because another process may have rotated them since.
    return any(
        hmac.compare_digest(given, _nonce_of(_period() - age, box()).encode())
        for box in (current.secret_box, current.data_keys().look_again)
        for age in (0, 1)
    )


def _period() -> int:
    return int(clock.now().timestamp() // NONCE_PERIOD.total_seconds())


def _nonce_of(period: int, box: SecretBox) -> str:
    return box.keyed_token("dpop-nonce", str(period))
