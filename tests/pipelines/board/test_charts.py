import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.board.charts import NARROW, WIDE, Landing, PaceDay, Size, pace_chart, waterfall_bars

AMOUNTS = st.floats(min_value=-1e7, max_value=1e7)


@given(start=st.floats(min_value=0, max_value=1e7), parts=st.lists(AMOUNTS, max_size=8))
def test_no_bar_of_a_waterfall_leaves_its_track(start: float, parts: list[float]) -> None:
    bars = waterfall_bars(start, parts)

    assert len(bars) == len(parts) + 2
    assert all(bar.left >= -1e-6 and bar.left + bar.width <= 100 + 1e-6 for bar in bars)


@given(
    start=st.floats(min_value=1, max_value=1e6),
    parts=st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=8),
)
def test_bars_of_a_waterfall_are_as_long_as_their_parts(start: float, parts: list[float]) -> None:
    largest = max(abs(part) for part in parts)
    assume(
        largest == 0 or largest > 1e-6 * start
    )  # a change that is below what a float of the value holds has no length

    _, *steps, _ = waterfall_bars(start, parts)

    scale = max(step.width for step in steps)
    for part, step in zip(parts, steps, strict=True):
        assert step.width * largest == pytest.approx(abs(part) * scale, abs=1e-6 * largest * max(scale, 1))


def _days(actual: list[float | None]) -> list[PaceDay]:
    return [
        PaceDay(label=str(i + 1), is_off=False, is_labelled=True, holiday=None, expected=10.0 * (i + 1), actual=value)
        for i, value in enumerate(actual)
    ]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=lambda size: size.name)
def test_a_higher_forecast_lies_higher(size: Size) -> None:
    chart = pace_chart(_days([5, 12, None, None]), 40, Landing(20, 25, 50), size)

    assert chart.end is not None
    lower, middle, upper = chart.end
    assert size.base > lower > middle > upper >= size.top


def test_a_period_that_is_over_has_no_fan() -> None:
    chart = pace_chart(_days([5, 12, 18, 30]), 40, Landing(30, 30, 30), WIDE)

    assert chart.fan == ""


def test_a_period_without_any_number_can_be_drawn() -> None:
    chart = pace_chart(_days([None, None]), None, None, WIDE)

    assert chart.now is None
    assert chart.target_y is None
