"""Secrets at rest, and from whom they are kept."""

import hmac
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag

from provider.app import create_app
from provider.config import Settings
from provider.infrastructure.secrets import SecretBox, UnusableSecretKey, open_secret_box


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_other_users_of_the_machine_cannot_read_the_data_folder(settings):
    create_app(settings)

    assert settings.data_dir.stat().st_mode & 0o077 == 0
    assert (settings.data_dir / "secret.key").stat().st_mode & 0o077 == 0


def test_the_key_is_made_once_and_read_again(settings):
    assert open_secret_box(settings) == open_secret_box(settings)


def test_a_key_that_others_can_read_is_refused(settings):
    open_secret_box(settings)
    (settings.data_dir / "secret.key").chmod(0o644)

    with pytest.raises(UnusableSecretKey, match="chmod 600"):
        open_secret_box(settings)


def test_a_file_that_holds_no_key_is_refused(settings):
    settings.data_dir.mkdir()
    path = settings.data_dir / "secret.key"
    path.touch(mode=0o600)
    path.write_text("not a key")

    with pytest.raises(UnusableSecretKey, match="32 bytes"):
        open_secret_box(settings)


def test_what_is_sealed_opens_only_for_its_use_and_binding(settings):
    box = open_secret_box(settings)
    sealed = box.encrypt("signing-key", b"private", bound_to="kid")

    assert box.decrypt("signing-key", sealed, bound_to="kid") == b"private"
    for label, bound_to in (("other-use", "kid"), ("signing-key", "other-kid")):
        with pytest.raises(InvalidTag):
            box.decrypt(label, sealed, bound_to=bound_to)


def test_what_anyone_may_have_made_opens_only_for_its_use_and_name(settings):
    box = open_secret_box(settings)
    sealed = box.encrypt_for("sealed-request", "handle", b"request")
    later = SecretBox(b"n" * 32, (box.key,))

    assert later.decrypt_for("sealed-request", "handle", sealed) == b"request"
    assert box.encrypt_for("sealed-request", "handle", b"request") != sealed
    for label, name, given in (
        ("other-use", "handle", sealed),
        ("sealed-request", "other", sealed),
        ("sealed-request", "handle", sealed[:-1]),
        ("sealed-request", "handle", b""),
    ):
        with pytest.raises(InvalidTag):
            box.decrypt_for(label, name, given)


def test_each_use_and_each_key_has_digests_of_its_own(settings, tmp_path):
    box, other = open_secret_box(settings), open_secret_box(replace(settings, data_dir=tmp_path / "other"))

    digests = {
        box.keyed_digest("csrf", "x"),
        box.keyed_digest("audit", "x"),
        box.keyed_digest("csrf", "y"),
        other.keyed_digest("csrf", "x"),
    }
    assert len(digests) == 4


def test_a_digest_is_the_standard_one_by_the_key_of_its_use(settings):
    box = open_secret_box(settings)

    made = [box.layered_digest("a use", value, generation=0) for value in ("a value", "another", "a value")]

    expected = hmac.new(box.derive("a use"), b"a value", "sha256").hexdigest()
    assert (made[0], made[2]) == (expected, expected)
    assert made[1] != expected
