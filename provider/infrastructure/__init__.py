"""The doors to the outside: clock, database, broker, network, chance, log – one file each.

Knows nothing of sessions, clients or protocols. Everything above reaches time, randomness and
other machines only through here, so that a test can stand at the door instead of patching.
"""
