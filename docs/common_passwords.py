"""Writes the built-in list of common passwords: `python -m docs.common_passwords zxcvbn.whl django.whl`.

The sources are the wheels of zxcvbn 4.5.0 (MIT; 30,000 passwords by frequency, from its frequency_lists.py)
and Django 5.2.19 (BSD; 20,000, compiled by Royce Williams), as `pip download --no-deps` gets them. Their
licences stand in `provider/accounts/common_passwords.license.txt`. Equal sources give an equal file.
"""

import ast
import gzip
import sys
from pathlib import Path
from zipfile import ZipFile

from provider.accounts.common_passwords import folded

TARGET = Path(__file__).resolve().parents[1] / "provider" / "accounts" / "common_passwords.txt.gz"
# What is left of a longer password without its digits is compared too; shorter ones would be met by chance.
LEAST_LENGTH = 4


def of_zxcvbn(wheel: Path) -> set[str]:
    """Return the passwords of zxcvbn's frequency lists, without running any of its code."""
    with ZipFile(wheel) as archive:
        source = ast.parse(archive.read("zxcvbn/frequency_lists.py"))
    # FREQUENCY_LISTS = {"passwords": "123456,password,…".split(","), …}
    lists = next(node for node in ast.walk(source) if isinstance(node, ast.Dict))
    words = {ast.literal_eval(name): call for name, call in zip(lists.keys, lists.values, strict=True)}
    return set(ast.literal_eval(words["passwords"].func.value).split(","))


def of_django(wheel: Path) -> set[str]:
    """Return the passwords that Django's CommonPasswordValidator refuses."""
    with ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read("django/contrib/auth/common-passwords.txt.gz")).decode()
    return set(text.splitlines())


def main() -> None:
    """Write the file."""
    zxcvbn, django = map(Path, sys.argv[1:])
    passwords = {folded(password) for password in of_zxcvbn(zxcvbn) | of_django(django)}
    text = "\n".join(sorted(password for password in passwords if len(password) >= LEAST_LENGTH))
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
