"""The shell and Python blocks of the README and of the documentation, run page by page."""
