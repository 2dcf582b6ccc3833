"""Business days and periods by the agreed calendar."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions_contract.periods import (
    BusinessCalendar,
    calendar_of,
    is_country_known,
    period_of,
    periods_between,
)
from definitions_contract.schema import Agreement, PeriodKind

JAPAN = BusinessCalendar("JP", fiscal_year_start_month=4)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def test_business_days_of_2026_in_japan() -> None:
    months = [JAPAN.period_of(date(2026, month, 9), PeriodKind.MONTH) for month in range(1, 13)]

    counted = [JAPAN.business_days(start, end) for start, end in months]

    assert counted == [20, 18, 21, 21, 18, 22, 22, 20, 19, 21, 19, 23]


def test_company_holidays_are_no_business_days(agreement: Agreement) -> None:
    calendar = calendar_of(agreement.team)

    assert not calendar.is_business_day(date(2026, 12, 30))
    assert JAPAN.is_business_day(date(2026, 12, 30))
    assert calendar.holiday_name(date(2026, 12, 30)) == "会社休日 / company holiday"
    assert calendar.holiday_name(date(2026, 1, 1)) == "元日"


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        pytest.param(date(2026, 6, 12), 1, date(2026, 6, 15), id="over a weekend"),
        pytest.param(date(2026, 6, 13), 1, date(2026, 6, 15), id="from a Saturday"),
        pytest.param(date(2026, 6, 13), 0, date(2026, 6, 13), id="none: the day itself"),
        pytest.param(date(2026, 4, 28), 2, date(2026, 5, 1), id="over Showa Day"),
        pytest.param(date(2026, 5, 1), 1, date(2026, 5, 7), id="over Golden Week"),
        pytest.param(date(2026, 5, 7), -1, date(2026, 5, 1), id="backwards"),
        pytest.param(date(2025, 12, 31), 1, date(2026, 1, 2), id="over new year"),
    ],
)
def test_business_days_are_added(day: date, count: int, expected: date) -> None:
    assert JAPAN.add_business_days(day, count) == expected


@settings(deadline=None)  # the first call loads the holidays
@given(day=DAYS, count=st.integers(1, 30))
def test_the_nth_business_day_is_one_and_n_of_them_lie_up_to_it(day: date, count: int) -> None:
    reached = JAPAN.add_business_days(day, count)

    assert JAPAN.is_business_day(reached)
    assert JAPAN.business_days(day + timedelta(1), reached + timedelta(1)) == count


@pytest.mark.parametrize(
    ("day", "kind", "start", "end"),
    [
        pytest.param(date(2026, 6, 14), PeriodKind.WEEK, date(2026, 6, 8), date(2026, 6, 15), id="Sunday ends a week"),
        pytest.param(date(2026, 6, 15), PeriodKind.WEEK, date(2026, 6, 15), date(2026, 6, 22), id="Monday starts one"),
        pytest.param(date(2024, 2, 29), PeriodKind.MONTH, date(2024, 2, 1), date(2024, 3, 1), id="leap day"),
        pytest.param(date(2026, 12, 31), PeriodKind.MONTH, date(2026, 12, 1), date(2027, 1, 1), id="December"),
        pytest.param(date(2026, 3, 31), PeriodKind.QUARTER, date(2026, 1, 1), date(2026, 4, 1), id="fourth quarter"),
        pytest.param(date(2026, 4, 1), PeriodKind.QUARTER, date(2026, 4, 1), date(2026, 7, 1), id="first quarter"),
        pytest.param(
            date(2026, 3, 31), PeriodKind.FISCAL_YEAR, date(2025, 4, 1), date(2026, 4, 1), id="last day of a year"
        ),
        pytest.param(
            date(2026, 4, 1), PeriodKind.FISCAL_YEAR, date(2026, 4, 1), date(2027, 4, 1), id="first day of a year"
        ),
    ],
)
def test_a_day_lies_in_its_period(day: date, kind: PeriodKind, start: date, end: date) -> None:
    assert period_of(day, kind, 4) == (start, end)


def test_quarters_follow_the_fiscal_year() -> None:
    assert period_of(date(2026, 1, 31), PeriodKind.QUARTER, 2) == (date(2025, 11, 1), date(2026, 2, 1))


@given(day=DAYS, kind=st.sampled_from(PeriodKind), first_month=st.integers(1, 12))
def test_periods_tile_the_days(day: date, kind: PeriodKind, first_month: int) -> None:
    start, end = period_of(day, kind, first_month)

    assert start <= day < end
    assert period_of(start, kind, first_month) == (start, end)
    assert period_of(end, kind, first_month)[0] == end


def test_periods_between_start_inside() -> None:
    months = list(periods_between(date(2026, 4, 2), date(2026, 6, 2), PeriodKind.MONTH, 4))

    assert months == [(date(2026, 5, 1), date(2026, 6, 1)), (date(2026, 6, 1), date(2026, 7, 1))]


def test_a_calendar_row_names_the_periods_of_its_day() -> None:
    (row,) = JAPAN.days(date(2026, 2, 11), date(2026, 2, 12))

    assert (row.week_start, row.month_start) == (date(2026, 2, 9), date(2026, 2, 1))
    assert (row.quarter_start, row.fiscal_year_start) == (date(2026, 1, 1), date(2025, 4, 1))
    assert (row.business_day, row.holiday) == (0, "建国記念の日")


def test_known_countries() -> None:
    assert is_country_known("JP")
    assert not is_country_known("QQ")
