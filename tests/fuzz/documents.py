"""Targets that read documents, headers and names."""

import json
from contextlib import suppress
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address

from curfew_rp import strict_json as of_the_kit
from provider.accounts import names
from provider.cli.plain_text import neutral, neutral_json
from provider.config.values import LONGEST_SPAN, read_int, read_timedelta
from provider.delivery.schedule import LONGEST_RETRY_AFTER, read_retry_after
from provider.infrastructure.network_limits import networks_of
from provider.oauth.client_proof.keys import NoKeys, keys_of
from provider.oauth.registration.restrictions import check_self_registered
from provider.protocol import forwarded, look_alike, strict_json
from provider.protocol.called_uri import parse_called_uri
from provider.protocol.claims_request import read_claims_request
from provider.protocol.client_certificate import MalformedCertificate, read_certificate
from provider.protocol.client_metadata import ClientMetadata, InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from provider.protocol.encrypted_token import KEY_ALGORITHMS, Encryption, encrypt, is_encrypted
from provider.protocol.errors import ProtocolError
from provider.protocol.idn import both_forms, uri_in_both_forms, with_ascii_host
from provider.protocol.jwks_rules import certificate_thumbprints, problems_of_jwks, usable_keys
from provider.protocol.redirect_uri import LONGEST_SHOWN, matches, shown
from provider.protocol.uri import MalformedURI, check_private_use_uri, is_short_scheme_uri, parse_web_uri
from tests.fuzz.site import NOW


def json_text(data: bytes) -> None:
    """A strict reader reads what every reader reads, or nothing; and it is shown without controls."""
    with suppress(strict_json.MalformedJSON):
        value = strict_json.load(data)
        assert json.loads(data.decode("utf-8-sig")) == value
        assert strict_json.load(json.dumps(value)) == value
        assert json.loads(neutral_json(value)) == value
        assert all(c.isprintable() for c in neutral_json(value))
    with suppress(ValueError):
        assert isinstance(of_the_kit.read_object(data), dict)
    with suppress(ProtocolError):
        read_claims_request(data.decode("utf-8", "replace"))


def jwks(data: bytes) -> None:
    """A JWK Set, registered or published."""
    with suppress(ValueError):
        document = strict_json.load(data)
        if isinstance(document, dict) and not any(problems_of_jwks(document)):
            certificate_thumbprints(document["keys"])
            with suppress(NoKeys):
                keys_of(ClientMetadata(redirect_uris=("https://red.test/cb",), jwks=document))
        usable = usable_keys(document)
        certificate_thumbprints(usable)
        for alg in KEY_ALGORITHMS:
            by = Encryption(alg, "A128GCM")
            if key := by.key_among(usable):
                assert is_encrypted(encrypt("a.b.c", key, by, signed=True))


def client_metadata(data: bytes) -> None:
    """A registration is kept as it was sent, or refused."""
    with suppress(strict_json.MalformedJSON, InvalidClientMetadata, ProtocolError):
        metadata = read_registration(strict_json.load_object(data))
        assert ClientMetadata.from_stored(metadata.to_wire()) == metadata
        json.dumps(metadata.to_wire()).encode()
        check_self_registered(metadata, None)


def certificate(data: bytes) -> None:
    """A header with a client's certificate."""
    with suppress(MalformedCertificate):
        read = read_certificate(data.decode("latin-1"))
        assert len(read.thumbprint) == 43


def forwarded_header(data: bytes) -> None:
    """Entries in front of a proxy's own entry never count."""
    chain = data.decode("latin-1")
    assert forwarded.entry_of_proxy(f"{chain},192.0.2.1", 1) == "192.0.2.1"
    assert forwarded.element_of_proxy(f"{chain},for=192.0.2.1", 1) == "192.0.2.1"
    for hops in (1, 2, 3):
        for node in (forwarded.entry_of_proxy(chain, hops), forwarded.element_of_proxy(chain, hops)):
            address = forwarded.read_node(node or "")
            assert address is None or isinstance(address, IPv4Address | IPv6Address)
            assert all(networks_of(node))


def uris(data: bytes) -> None:
    """Two addresses, one in each line."""
    one, _, other = data.decode("utf-8", "replace").partition("\n")
    for text in (one, other):
        with suppress(MalformedURI):
            parse_web_uri(text)
            assert matches([text], text, native=False)
        with suppress(MalformedURI):
            parse_called_uri(text)
        with suppress(MalformedURI):
            check_private_use_uri(text)
        with suppress(MalformedURI):
            written = with_ascii_host(text)
            assert written == with_ascii_host(written)
        assert text in uri_in_both_forms(text)
        assert text in both_forms(text)
        assert not is_short_scheme_uri(text) or not text.startswith(("http:", "https:", "javascript:"))
        assert len(shown(text)) <= LONGEST_SHOWN + 4
    assert not matches([one], other, native=False) or one == other
    matches([one], other, native=True)


def texts(data: bytes) -> None:
    """Spans, numbers, names and what goes to a terminal."""
    text = data.decode("utf-8", "replace")
    with suppress(ValueError):
        assert timedelta(0) <= read_timedelta(text) <= LONGEST_SPAN
    with suppress(ValueError):
        read_int(text)
    assert timedelta(0) <= read_retry_after(text, NOW) <= LONGEST_RETRY_AFTER
    with suppress(names.InvalidUsername):
        assert names.fold(names.tidy(text)) == names.fold(text)
    assert look_alike.is_alike(text, text)
    look_alike.is_alike(text, "Red Bank")
    look_alike.mixes_scripts(text)
    look_alike.is_visible(text)
    assert all(c.isprintable() or c == "\n" for c in neutral(text))
