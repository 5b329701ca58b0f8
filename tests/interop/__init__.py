"""The provider as clients find it that others wrote: each over HTTP, at a provider that runs as a process.

Nothing here knows the inside of the provider; people act through a browser, operators by `curfew`.
"""
