"""The demo: a provider, a worker, a broker, three apps, three APIs and two phones, and a check.

It stands above the provider: `curfew demo` and `curfew demo-check` run from a checkout, and no server
installs them. Knows how to start, watch and stop processes. The check (`check.py` and the modules it uses)
is an outsider: it speaks HTTP and imports nothing of the provider.
"""
