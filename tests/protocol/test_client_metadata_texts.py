"""Metadata in several languages, and metadata of any kind (rfc7591 §2, §2.2)."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider.protocol.client_metadata import FIELDS, ClientMetadata, InvalidClientMetadata
from provider.protocol.client_registration import read_registration

SMALLEST = {"redirect_uris": ["https://red.test/cb"]}


@pytest.mark.spec("registration 1, rfc7591 §2.2")
@pytest.mark.parametrize(
    ("member", "value", "kept"),
    [
        pytest.param("client_name#de", "Rot", True, id="a name"),
        pytest.param("client_name#zh-Hant-TW", "紅", True, id="with script and region"),
        pytest.param("tos_uri#fr", "https://red.test/fr", True, id="an address"),
        pytest.param("client_name#de", None, False, id="null means absent"),
        pytest.param("client_name#", "Rot", False, id="no language"),
        pytest.param("client_name#de_DE", "Rot", False, id="no language tag"),
        pytest.param("client_name#de#de", "Rot", False, id="two languages"),
        pytest.param("redirect_uris#de", ["https://evil.test/"], False, id="what is not for people"),
        pytest.param("scope#de", "account", False, id="a scope"),
    ],
)
def test_members_in_other_languages_are_kept_or_ignored(member, value, kept):
    metadata = read_registration(SMALLEST | {member: value})

    assert (member in metadata.to_wire()) is kept
    assert ClientMetadata.from_stored(metadata.to_wire()) == metadata
    assert metadata.redirect_uris == ("https://red.test/cb",)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"client_name#de": 7}, id="a number"),
        pytest.param({"client_name#de": " "}, id="an empty name"),
        pytest.param({"client_name#de": "R" * 201}, id="a long name"),
        pytest.param({"client_name#de": "R\u200bot"}, id="THR-34: an invisible letter"),
        pytest.param({"logo_uri#de": "javascript:alert(1)"}, id="ABU-77: a script"),
        pytest.param({"policy_uri#de": "/datenschutz"}, id="half an address"),
        pytest.param({f"client_name#{a}{b}": "R" for a in "abcdefgh" for b in "abcdefgh"}, id="too many"),
        pytest.param({"introspection_encrypted_response_alg": "RSA-OAEP"}, id="encryption not offered"),
        pytest.param({"request_object_encryption_enc": "A128GCM"}, id="nor of request objects"),
    ],
)
def test_a_translation_is_judged_like_what_it_translates(asked):
    with pytest.raises(InvalidClientMetadata) as refused:
        read_registration(SMALLEST | asked)

    assert refused.value.error == "invalid_client_metadata"


texts = st.sampled_from(
    [
        "https://red.test/cb",
        "http://localhost/cb",
        "code",
        "none",
        "native",
        "pairwise",
        "ES256",
        "openid",
        "",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from([*FIELDS, "client_name#de", "client_name#x y", "unknown"])


@settings(max_examples=150)
@given(st.dictionaries(members, anything, max_size=8))
def test_whatever_is_sent_is_registered_whole_or_refused_with_a_sentence(asked):
    with contextlib.suppress(InvalidClientMetadata):
        metadata = read_registration(SMALLEST | asked)
        wire = json.loads(json.dumps(metadata.to_wire()))
        assert ClientMetadata.from_stored(wire) == metadata
        assert read_registration(wire) == metadata


@pytest.mark.spec("registration 1, rfc7591 §2.2")
@pytest.mark.parametrize(
    ("tagged", "language", "said"),
    [
        pytest.param(
            {"policy_uri#de": "https://red.test/de"}, "de", "https://red.test/de", id="its language"
        ),
        pytest.param({"policy_uri#DE": "https://red.test/de"}, "de", "https://red.test/de", id="in capitals"),
        pytest.param({"policy_uri#de-CH": "https://red.test/ch"}, "de", "https://red.test/ch", id="a region"),
        pytest.param(
            {"policy_uri#de-CH": "https://red.test/ch", "policy_uri#de": "https://red.test/de"},
            "de",
            "https://red.test/de",
            id="rather the language than a region",
        ),
        pytest.param({"policy_uri#de": "https://red.test/de"}, "en", "https://red.test/all", id="another"),
        pytest.param(
            {"policy_uri#den": "https://red.test/x"}, "de", "https://red.test/all", id="one like it"
        ),
        pytest.param(
            {"tos_uri#de": "https://red.test/de"}, "de", "https://red.test/all", id="another member"
        ),
    ],
)
def test_what_an_app_says_is_said_in_the_language_of_the_page(tagged, language, said):
    asked = SMALLEST | {"policy_uri": "https://red.test/all"} | tagged
    metadata = read_registration(asked)

    assert metadata.said_in(language, "policy_uri") == said
    assert metadata.said_in(language, "client_uri") is None
