"""Looks at how things are and says so: the gauges, the invariants, an app's logout endpoint.

Changes nothing that it looks at, ends nothing and holds no lock, so it may be asked at any time.
Knows every room that keeps state; does not know who asks or how the findings are shown.
"""
