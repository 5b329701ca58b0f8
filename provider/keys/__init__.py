"""The signing keys: made, published, used, rotated and destroyed only in this room.

`jwt.py` is the only module that signs a token and the only importer of PyJWT. Does not know what a token
means; the room that issues it decides on its claims.
"""
