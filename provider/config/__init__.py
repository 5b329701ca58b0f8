"""Every setting of the provider, declared once with its meaning.

Values come from the environment (`CURFEW_…`), then from a TOML file (`CURFEW_CONFIG`), then from the default.
With a wrong value the process does not start; all wrong values are reported together.
"""

from provider.config.checks import WrongSettings, has_published_key
from provider.config.load import SettingView, describe_settings, load_settings
from provider.config.settings import Settings

__all__ = [
    "SettingView",
    "Settings",
    "WrongSettings",
    "describe_settings",
    "has_published_key",
    "load_settings",
]
