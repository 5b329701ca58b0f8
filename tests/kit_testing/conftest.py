"""The pytest plugin, as an installed curfew-rp registers it."""

from curfew_rp.testing.plugin import curfew_dev, provider, stub_app  # noqa: F401 – fixtures.
