"""A provider for a developer's machine or a CI job: `curfew dev`.

The provider itself with its worker in one process on loopback, with test people and clients, and beside it a
page and an API that end sessions, let time pass and disturb deliveries. Holds nothing of value and serves
nothing that `curfew serve` does: no other command imports this room.
"""
