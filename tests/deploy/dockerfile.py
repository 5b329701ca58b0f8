"""The Dockerfile, stage by stage.

`python -m tests.deploy.dockerfile FOLDER` prints its build stage as a shell script for a folder.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import ROOT

DOCKERFILE = ROOT / "Dockerfile"


@dataclass(frozen=True)
class Stage:
    """One FROM with what follows it."""

    base: str
    name: str
    instructions: list[tuple[str, str]]

    def all_of(self, keyword: str) -> list[str]:
        """The arguments of every instruction of a kind, in order."""
        return [arguments for found, arguments in self.instructions if found == keyword]


def stages() -> list[Stage]:
    """Read the stages, in order."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line]
    found: list[Stage] = []
    for line in lines:
        keyword, arguments = line.split(maxsplit=1)
        if keyword == "FROM":
            base, _, name = arguments.partition(" AS ")
            found.append(Stage(base, name, []))
        else:
            found[-1].instructions.append((keyword, arguments))
    return found


def build_commands(folder: Path) -> str:
    """Return the build stage as a shell script that leaves everything in a folder, not in the root."""
    script = ["set -eu"]
    for keyword, arguments in stages()[0].instructions:
        script.append(_as_shell(keyword, re.sub(r"(?<!\S)/(?=\w)", f"{folder}/", arguments), folder))
    return "\n".join(script) + "\n"


def _as_shell(keyword: str, arguments: str, folder: Path) -> str:
    match keyword:
        case "WORKDIR":
            return f"mkdir -p {arguments} && cd {arguments}"
        case "COPY":
            *sources, target = arguments.split()
            from_checkout = " ".join(str(ROOT / source) for source in sources)
            # COPY takes what is in a folder, `cp` the folder itself.
            onto = target if target.endswith("/") else f"{target}/"
            dot = "/." if (ROOT / sources[0]).is_dir() else ""
            return f"mkdir -p {onto} && cp -r {from_checkout}{dot} {onto}"
        case "RUN":
            # The installer of the image is that of the environment which runs this.
            return "" if arguments.startswith("pip ") else arguments
        case _:
            raise ValueError(f"{keyword} in the build stage is not replayed")


if __name__ == "__main__":
    sys.stdout.write(build_commands(Path(sys.argv[1]).resolve()))
