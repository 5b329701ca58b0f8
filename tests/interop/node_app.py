"""An app on Node.js that is a printed recipe and a few lines that serve it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop.app_process import running

MODULES = Path(__file__).with_name("node") / "node_modules"
# What serves an app once its script has made it.
LISTEN = 'app.get("/up", (request, response) => response.end());\napp.listen({port}, "127.0.0.1");'


def find_node(package: str) -> str | None:
    """Return the path of Node.js if it and the package are installed."""
    return shutil.which("node") if (MODULES / package).is_dir() else None


@contextmanager
def node_app(script: str, port: int, *, module: bool = False, **environ: str) -> Iterator[str]:
    """Run a script that makes an Express `app`; yields where it is.

    `module` says that the script is an ECMAScript module, and not a CommonJS one.
    """
    node, url = shutil.which("node"), f"http://127.0.0.1:{port}"
    assert node
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "node_modules").symlink_to(MODULES)
        file = folder / ("app.mjs" if module else "app.cjs")
        file.write_text(f"{script}\n{LISTEN.format(port=port)}\n")
        with running([node, file], folder, f"{url}/up", environ):
            yield url
