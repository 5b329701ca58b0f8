"""Looking at the processes of the machine."""

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that is dead but not yet buried does not."""
    state_and_parent = _stat(pid)
    return state_and_parent is not None and state_and_parent[0] != "Z"


def has_closed_its_files(pid: int) -> bool:
    """Return whether all threads of a process have ended, too; the last of them closes what they share."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return True
    return len(threads) <= 1 and not is_alive(pid)


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and theirs."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (found := _stat(int(folder.name))):
            parents[int(folder.name)] = int(found[1])
    family = {pid}
    while born := {child for child, parent in parents.items() if parent in family} - family:
        family |= born
    return family - {pid}


def _stat(pid: int) -> tuple[str, str] | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = stat.rpartition(")")[2].split()[:2]
    return state, parent
