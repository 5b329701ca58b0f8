"""Configuration as code: files that declare clients, resource servers and roles.

Reads files, compares them with the database and applies the differences through `administration`, in one
transaction. Never touches people, sessions or grants directly, nor objects that no file owns.
"""
