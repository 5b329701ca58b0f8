"""The receipt of a logout as a file that a browser saves."""

from flask import Response

from provider.inspection.receipt import Receipt
from provider.inspection.receipt_form import MEDIA_TYPE


def receipt_file(receipt: Receipt) -> Response:
    """Return a receipt as an attachment with its media type."""
    response = Response(receipt.jws + "\n", mimetype=MEDIA_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{receipt.file_name}"'
    return response
