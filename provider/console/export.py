"""Lists as CSV files for spreadsheets: the filtered rows, newest first, up to a limit."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from flask import Response

from provider.console.layout import plain

MOST_EXPORTED = 10_000
# A spreadsheet treats a cell that begins like this as a formula, which could send other people's data away.
_FORMULA = tuple("=+-@\t\r")


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Response:
    """Return rows as a file to download; `name` is without the extension."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(row.get(column)) for column in columns] for row in rows)
    response = Response(written.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def cell(value: object) -> str:
    """Return a value as a cell that no spreadsheet evaluates; instants are in UTC."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = plain(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
