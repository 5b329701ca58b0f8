"""The audit log: who did what to whom, when and from where, in the transaction of the action.

Each entry carries a keyed digest from the moment it is written; a leased duty links the entries
into a hash chain, so that neither a changed nor a missing entry goes unnoticed. Knows no other room.
"""
