"""Curfew: an OpenID Provider whose sign-out is real."""
