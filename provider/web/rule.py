"""The rules of Werkzeug's router, made for many addresses at once."""

from collections.abc import Callable
from functools import cache
from typing import Any

from werkzeug.routing import Rule

Build = Callable[..., tuple[str, str]]


class LateRule(Rule):
    """A rule that compiles how its address is built when it is first built.

    Werkzeug compiles two functions for each rule, which took two thirds of the time that an application takes
    to make; addresses of a few rules only are ever built (LIB-26).
    """

    def _compile_builder(self, append_unknown: bool = True) -> Build:
        compile_now = cache(super()._compile_builder)

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            return compile_now(append_unknown)(rule, **values)

        return build
