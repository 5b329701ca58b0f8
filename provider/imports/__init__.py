"""Imports of clients and people from other providers: Keycloak, Auth0 and Logto.

Reads their exports, takes what means the same here through `administration`, and reports what was changed and
what could not be taken, and why. Taking the same export a second time takes nothing twice.
"""
