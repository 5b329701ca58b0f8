"""The tests, which start from the outside: HTTP, the command, processes.

A run starts some hundred Python processes. Where PYTHONDONTWRITEBYTECODE is set, each of them would compile
the provider anew, and each process of pytest would rewrite every test file anew.
"""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
