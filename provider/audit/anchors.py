"""Anchors that were taken earlier and kept elsewhere, to compare a chain with."""

from collections.abc import Iterable, Iterator

from provider.audit.chain import Link


class Anchors:
    """Some anchors; each is compared when the chain reaches its number."""

    def __init__(self, kept: Iterable[Link]) -> None:
        self._by_seq: dict[int, set[Link]] = {}
        for one in kept:
            self._by_seq.setdefault(one.seq, set()).add(one)

    @property
    def newest(self) -> Link | None:
        """The anchor with the highest number, which proves most."""
        if not self._by_seq:
            return None
        return min(self._by_seq[max(self._by_seq)], key=str)

    def compare(self, found: Link) -> Iterator[str]:
        """Yield a sentence for each anchor with this number that differs from the link."""
        for one in sorted(self._by_seq.get(found.seq, ()), key=str):
            if one != found:
                yield not_that_of(one)

    def beyond(self, last: int) -> Iterator[str]:
        """Yield a sentence if an anchor is newer than the last entry."""
        newest = self.newest
        if newest is not None and newest.seq > last:
            missing = (
                f"entry {newest.seq} is"
                if newest.seq == last + 1
                else f"entries {last + 1} to {newest.seq} are"
            )
            yield (
                f"the anchor knows of entry {newest.seq}, but the last one here is {last}: "
                f"the end of the log was cut off, or an older copy was restored; {missing} missing"
            )


def not_that_of(anchor: Link) -> str:
    """Return a sentence saying that an entry differs from its anchor."""
    return f"entry {anchor.seq} is not the one that the anchor was taken of"
