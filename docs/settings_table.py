"""Writes the table of settings into the README: `python docs/settings_table.py`."""

from pathlib import Path

from provider.config import Settings, describe_settings

README = Path(__file__).resolve().parents[1] / "README.md"
START = "<!-- settings: made by docs/settings_table.py -->"
END = "<!-- end of settings -->"


def table() -> str:
    """Return the table as the README shows it."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for view in describe_settings(Settings(), environ={}):
        default = f"`{view.default}`" if view.default else ""
        rows.append(f"| `{view.variable}` | {view.meaning.replace('|', chr(92) + '|')} | {default} |")
    return "\n".join(rows)


def main() -> None:
    """Replace the table in the README."""
    before, _, rest = README.read_text().partition(START)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{START}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
