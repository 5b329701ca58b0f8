"""What happened, for people: who did what to whom, when, from where – in the act's own transaction.

Each entry carries a keyed digest from the moment it is written; a leased duty links the entries
into a hash chain, so that neither a changed nor a missing entry goes unnoticed. Knows no other room.
"""
