"""The pytest plugin: the fixtures `provider` and `stub_app`; nothing is started until a test uses one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from curfew_rp.testing.provider import Provider
    from curfew_rp.testing.stub import StubApp


@pytest.fixture(scope="session")
def curfew_dev() -> "Iterator[Provider]":
    """One provider for all tests of this process; each worker of pytest-xdist has its own."""
    from curfew_rp.testing.process import ProviderMissing, running_provider

    try:
        with running_provider() as provider:
            yield provider
    except ProviderMissing as exc:
        pytest.fail(str(exc), pytrace=False)


@pytest.fixture
def provider(curfew_dev: "Provider") -> "Iterator[Provider]":
    """The provider, without the faults of earlier tests; each test adds people and clients of its own."""
    yield curfew_dev
    curfew_dev.clear_faults()


@pytest.fixture
def stub_app() -> "Iterator[StubApp]":
    """An app that records the Logout Tokens that it gets, and fails on demand."""
    from curfew_rp.testing import stub

    with stub.stub_app() as app:
        yield app
