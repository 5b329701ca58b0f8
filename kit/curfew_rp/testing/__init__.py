"""Test an app against a real provider: `curfew dev`, started by the tests and controlled by its API.

The pytest plugin has the fixture `provider`; without pytest, `running_provider` is a context manager. The
provider is part of the distribution `curfew-op`, which is only started here: install `curfew-rp[testing]`.
"""

from curfew_rp.testing.assertion import App, assert_logs_out
from curfew_rp.testing.process import ProviderMissing, running_provider
from curfew_rp.testing.provider import Client, Fault, Person, Provider, RefusedByProvider
from curfew_rp.testing.serving import Server, serve
from curfew_rp.testing.stub import StubApp

__all__ = [
    "App",
    "Client",
    "Fault",
    "Person",
    "Provider",
    "ProviderMissing",
    "RefusedByProvider",
    "Server",
    "StubApp",
    "assert_logs_out",
    "running_provider",
    "serve",
]
