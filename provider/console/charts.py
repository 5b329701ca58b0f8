"""Charts as SVG, drawn on the server: bars that need no script, next to a table of the same numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

# The drawing has no unit: it is scaled to the space on the page.
WIDTH, HEIGHT = 1000.0, 100.0
_GAP = 0.25
_TICKS = 4


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one instant or class, with one value for each series."""

    label: str
    values: tuple[int, ...]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of a chart."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Slot:
    """The area of one column; hovering over it shows the values."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Groups of bars with their scale, and the values in words."""

    series: tuple[str, ...]
    columns: tuple[Column, ...]
    top: int
    bars: tuple[Bar, ...]
    slots: tuple[Slot, ...]

    @property
    def totals(self) -> tuple[int, ...]:
        """The sum of each series."""
        return tuple(sum(column.values[i] for column in self.columns) for i in range(len(self.series)))

    @property
    def ticks(self) -> tuple[Column, ...]:
        """The few columns whose labels are written below the chart."""
        # Evenly spaced from the first to the last, because the page lays them out like that.
        if not self.columns:
            return ()
        last = len(self.columns) - 1
        return tuple(self.columns[i] for i in sorted({round(last * i / _TICKS) for i in range(_TICKS + 1)}))


def bar_chart(series: Sequence[str], columns: Sequence[Column]) -> Chart:
    """Return a chart of counts; the top of its scale is a round number not below the highest."""
    top = round_up(max((value for column in columns for value in column.values), default=0))
    room = WIDTH / max(1, len(columns))
    bars, slots = [], []
    for i, column in enumerate(columns):
        words = ", ".join(f"{value} {name}" for name, value in zip(series, column.values, strict=True))
        slots.append(Slot(i * room, room, f"{column.label}: {words}"))
        bars += _bars(column, i * room, room, top)
    return Chart(series=tuple(series), columns=tuple(columns), top=top, bars=tuple(bars), slots=tuple(slots))


def _bars(column: Column, left: float, room: float, top: int) -> list[Bar]:
    width = room * (1 - _GAP) / len(column.values)
    start = left + room * _GAP / 2
    heights = [HEIGHT * value / top for value in column.values]
    return [
        Bar(i, round(start + i * width, 2), round(HEIGHT - height, 2), round(width, 2), round(height, 2))
        for i, height in enumerate(heights)
        if height
    ]


def round_up(highest: int) -> int:
    """Return the first of 4, 10, 20, 40, 60, 80, 100, 200 … that is not below the given number."""
    if highest <= 4:
        return 4
    step = 10
    while True:
        for factor in (1, 2, 4, 6, 8):
            if highest <= factor * step:
                return factor * step
        step *= 10
