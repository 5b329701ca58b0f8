"""The form of a page, read as a browser does."""

from html.parser import HTMLParser


class FormReader(HTMLParser):
    """Its fields with their values, its buttons by their ids, and where it is sent to."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.buttons: dict[str, tuple[str, str]] = {}
        self.action = ""
        self._typing: str | None = None
        self._choosing: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found.get("action", "")
        is_sent = found.get("type") not in ("checkbox", "radio") or "checked" in found
        if tag == "input" and found.get("name") and is_sent:
            self.fields[found["name"]] = found.get("value", "")
        if tag == "textarea" and found.get("name"):
            self._typing, self.fields[found["name"]] = found["name"], ""
        if tag == "select":
            self._choosing = found.get("name")
        if tag == "option" and self._choosing and "value" in found:
            # A browser sends the chosen one, and else the first.
            is_chosen = "selected" in found or self._choosing not in self.fields
            self.fields |= {self._choosing: found["value"]} if is_chosen else {}
        if tag == "button" and "id" in found:
            self.buttons[found["id"]] = (found.get("name", ""), found.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._typing is not None:
            self.fields[self._typing] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._typing = None
        if tag == "select":
            self._choosing = None
