"""A provider for a developer's machine or a CI job: `curfew dev`.

One process on loopback runs the provider and its worker, with test people and clients, and a page and an API
that end sessions, let time pass and disturb deliveries. It holds nothing of value, and `curfew serve` serves
none of it: no other command imports this room.
"""
