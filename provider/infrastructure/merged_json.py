"""Two JSON objects merged by the database: the second one's members replace those of the same names."""

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class merged_json(GenericFunction[Any]):  # noqa: N801 – it is used as a function of SQL.
    """A column's object with the members of another one; one that is null may be left out instead."""

    type = JSON()
    inherit_cache = True


@compiles(merged_json, "sqlite")
def _for_sqlite(element: merged_json, compiler: SQLCompiler, **how: Any) -> str:
    held, added = (compiler.process(one, **how) for one in element.clauses)
    return f"json_patch({held}, {added})"


@compiles(merged_json, "postgresql")
def _for_postgresql(element: merged_json, compiler: SQLCompiler, **how: Any) -> str:
    held, added = (compiler.process(one, **how) for one in element.clauses)
    return f"CAST(CAST({held} AS JSONB) || CAST({added} AS JSONB) AS JSON)"
