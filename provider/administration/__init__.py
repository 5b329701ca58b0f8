"""The operator's acts, one function each: its checks, its change, its consequences and its audit entry.

The command, self-registration and every other edge call the same functions, so that an act has the same
consequences wherever it is asked for. Opens no transaction, because the edge does; knows nothing of options,
forms or HTTP. What something is and how it is stored is decided in the rooms below.
"""
