"""`python -m docs.reference_pages`."""

from docs.reference_pages import write

if __name__ == "__main__":
    write()
