"""Examines the present state and reports on it: the gauges, the invariants, an app's logout endpoint.

Changes nothing that it examines, ends nothing and holds no lock, so it can run at any time. Knows every room
that keeps state; does not know who requested a report or how it is shown.
"""
