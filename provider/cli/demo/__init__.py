"""The demo: a provider, a worker, a broker and three apps on one machine, and the check that plays a person.

Knows how to start, watch and stop processes. The check (`check.py` and what it uses) is an outsider:
it speaks HTTP and imports no room of the provider.
"""

from provider.cli.demo.commands import demo, demo_check

__all__ = ["demo", "demo_check"]
