"""Where do the lines and bars of the board's charts lie? Geometry only: templates draw it, the style sheet colours it.

Hand-made SVG rather than a charting library: it takes its colours from the page's theme, its text from the page's
language, and weighs a few kilobytes. Each chart is laid out twice, for a wide and for a narrow screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from pipelines.board.formats import short_amount
from pipelines.board.words import Text

TICKS = 5  # about so many lines of the value axis
HEADROOM = 1.06  # the highest mark stays clear of the edge
ZOOM_BELOW = 0.2  # steps smaller than this share of the whole are drawn on a cut axis


@dataclass(frozen=True, slots=True)
class Size:
    """A drawing area in SVG units, with the margins that labels need."""

    name: str
    width: int
    height: int
    left: int = 44
    right: int = 16
    top: int = 18
    bottom: int = 28

    @property
    def plot_width(self) -> float:
        """Width between the margins."""
        return self.width - self.left - self.right

    @property
    def plot_height(self) -> float:
        """Height between the margins."""
        return self.height - self.top - self.bottom

    @property
    def base(self) -> float:
        """The value axis' zero line."""
        return self.height - self.bottom


WIDE = Size("wide", 1080, 330, right=128)
NARROW = Size("narrow", 380, 280, left=38, right=14, top=26)
TREND_WIDE = Size("wide", 1080, 260)
TREND_NARROW = Size("narrow", 380, 240, left=38, right=8)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: Text | str


@dataclass(frozen=True, slots=True)
class Box:
    """A filled area."""

    x: float
    y: float
    width: float
    height: float
    kind: str = ""
    title: Text | str = ""


@dataclass(frozen=True, slots=True)
class PaceDay:
    """One day of the period: values are running totals; `actual` is None from the day after as_of."""

    label: Text | str
    is_off: bool
    is_labelled: bool
    holiday: str | None
    expected: float | None
    actual: float | None


@dataclass(frozen=True, slots=True)
class Landing:
    """Where the period is forecast to end."""

    lower: float
    middle: float
    upper: float


@dataclass(frozen=True, slots=True)
class PaceChart:
    """Running total against what was due, and the fan to the period's end."""

    size: Size
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    days_off: tuple[Box, ...]
    expected: str
    actual: str
    fan: str
    middle: str
    now: tuple[float, float] | None
    end: tuple[float, float, float] | None
    target_y: float | None


def pace_chart(days: Sequence[PaceDay], target: float | None, landing: Landing | None, size: Size) -> PaceChart:
    """Lay out the pace chart."""
    values = [value for day in days for value in (day.expected, day.actual) if value is not None]
    top = max([*values, target or 0, landing.upper if landing else 0, 1e-9]) * HEADROOM
    step = size.plot_width / len(days)

    def x(index: int) -> float:
        return size.left + step * (index + 1)

    def y(value: float) -> float:
        return size.base - size.plot_height * value / top

    actual = [(x(i), y(day.actual)) for i, day in enumerate(days) if day.actual is not None]
    expected = [(x(i), y(day.expected)) for i, day in enumerate(days) if day.expected is not None]
    now = actual[-1] if actual else None
    end = (y(landing.lower), y(landing.middle), y(landing.upper)) if landing else None
    right = x(len(days) - 1)
    fan = middle = ""
    if now and end and now[0] < right:
        fan = f"{_line([now, (right, end[2])])} {_line([(right, end[0]), now]).replace('M', 'L')} Z"
        middle = _line([now, (right, end[1])])
    start = (float(size.left), float(size.base))
    return PaceChart(
        size=size,
        y_ticks=tuple(Tick(y(value), label) for value, label in _scale(top)),
        x_ticks=tuple(Tick(x(i) - step / 2, day.label) for i, day in enumerate(days) if day.is_labelled),
        days_off=tuple(
            Box(
                x(i) - step,
                size.top,
                step,
                size.plot_height,
                "holiday" if day.holiday else "weekend",
                day.holiday or "",
            )
            for i, day in enumerate(days)
            if day.is_off
        ),
        expected=_line([start, *expected]) if expected else "",
        actual=_line([start, *actual]) if actual else "",
        fan=fan,
        middle=middle,
        now=now,
        end=end,
        target_y=y(target) if target is not None else None,
    )


@dataclass(frozen=True, slots=True)
class TrendMonth:
    """One month: the lines' values, the columns' value, its target, and whether a new definition took effect."""

    label: Text | str
    lines: tuple[float | None, ...]
    column: float | None
    target: float | None
    is_new_definition: bool
    is_running: bool
    reach: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class TrendChart:
    """Columns of the KPI, lines of the steps before it."""

    size: Size
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    columns: tuple[Box, ...]
    target: str
    reach: tuple[Box, ...]
    lines: tuple[str, ...]
    running: tuple[tuple[float, float], ...]
    definitions: tuple[float, ...]


def trend_chart(months: Sequence[TrendMonth], size: Size) -> TrendChart:
    """Lay out the months' chart."""
    values: list[float] = [
        v for month in months for v in (*month.lines, month.column, month.target, *(month.reach or ())) if v is not None
    ]
    top = max([*values, 1e-9]) * HEADROOM
    step = size.plot_width / len(months)
    width = step * 0.56

    def x(index: int) -> float:
        return size.left + step * (index + 0.5)

    def y(value: float) -> float:
        return size.base - size.plot_height * value / top

    columns = [(x(i), month) for i, month in enumerate(months)]
    every = 1 if step > 40 else 3
    lines = [
        _line(
            [
                (x(i), y(value))
                for i, month in enumerate(months)
                if (value := month.lines[place]) is not None and not month.is_running
            ]
        )
        for place in range(len(months[0].lines))
    ]
    return TrendChart(
        size=size,
        y_ticks=tuple(Tick(y(value), label) for value, label in _scale(top)),
        x_ticks=tuple(
            Tick(at, month.label) for i, (at, month) in enumerate(columns) if (len(months) - 1 - i) % every == 0
        ),
        columns=tuple(
            Box(
                at - width / 2,
                y(month.column),
                width,
                size.base - y(month.column),
                "running" if month.is_running else "",
            )
            for at, month in columns
            if month.column is not None
        ),
        target=_steps(
            [(at - step / 2, at + step / 2, y(month.target) if month.target else None) for at, month in columns]
        ),
        reach=tuple(
            Box(at, y(month.reach[1]), 0, y(month.reach[0]) - y(month.reach[1])) for at, month in columns if month.reach
        ),
        lines=tuple(lines),
        running=tuple(
            (at, y(value)) for at, month in columns if month.is_running for value in month.lines if value is not None
        ),
        definitions=tuple(at - step / 2 for at, month in columns if month.is_new_definition),
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """A horizontal bar in percent of its track."""

    left: float
    width: float


def waterfall_bars(start: float, parts: Sequence[float]) -> tuple[Bar, ...]:
    """Lay out a waterfall from `start` over `parts`: the start's bar, one per part, the end's bar.

    >>> [round(bar.width) for bar in waterfall_bars(100, [-40, 10])]
    [94, 38, 9, 66]
    """
    levels = [start]
    for part in parts:
        levels.append(levels[-1] + part)
    low, high = min(levels), max(levels)
    is_zoomed = low > 0 and (high - low) < ZOOM_BELOW * high
    floor_level = low - (high - low) * 0.4 - 1e-9 if is_zoomed else min(low, 0.0)
    span = (high - floor_level) * HEADROOM or 1.0

    def bar(one: float, other: float) -> Bar:
        return Bar((min(one, other) - floor_level) / span * 100, abs(one - other) / span * 100)

    origin = floor_level if is_zoomed else 0.0
    steps = [bar(before, after) for before, after in pairwise(levels)]
    return (bar(origin, start), *steps, bar(origin, levels[-1]))


def _steps(levels: Sequence[tuple[float, float, float | None]]) -> str:
    """Draw a level from left to right edge, joined to the next where there is one.

    >>> _steps([(0, 10, 5), (10, 20, 7), (20, 30, None)])
    'M0.0,5.0 L10.0,5.0 L10.0,7.0 L20.0,7.0'
    """
    parts, is_drawing = [], False
    for left, right, y in levels:
        if y is not None:
            parts.append(f"{'L' if is_drawing else 'M'}{left:.1f},{y:.1f} L{right:.1f},{y:.1f}")
        is_drawing = y is not None
    return " ".join(parts)


def _line(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{'M' if i == 0 else 'L'}{x:.1f},{y:.1f}" for i, (x, y) in enumerate(points))


def _scale(top: float) -> list[tuple[float, Text | str]]:
    """Round values from 0 to `top` for the axis.

    >>> [label for _, label in _scale(132)]
    ['0', '50', '100']
    """
    rough = top / TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    digits = max(0, ceil(-log10(step)))
    count = floor(top / step)
    return [(step * i, _short(step * i, digits)) for i in range(count + 1)]


def _short(value: float, digits: int) -> Text | str:
    if value >= 1_000_000:
        return short_amount(value)
    return f"{value:,.{digits}f}"
