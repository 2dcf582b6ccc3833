"""Are the numbers right? Verdicts and KPI values of a whole night against those worked out by hand from the truth."""

from datetime import date
from math import isclose

import pytest

from connectors.sandbox.company import Company
from tests.night.homes import Home, assert_same
from tests.truth.kpis import PERIODS, Key, Number, numbers, verdicts

KEYS = "kpi_id, period_kind, period_start, scope_kind, scope_id"
COUNTED = ("calls_made", "meetings_booked", "meetings_held", "valid_meetings", "deals_won", "won_amount")


@pytest.fixture(scope="module")
def by_hand(company: Company) -> dict[Key, Number]:
    return numbers(company)


@pytest.fixture(scope="module")
def in_tables(night_home: Home) -> dict[Key, Number]:
    rows = night_home.rows(f"SELECT {KEYS}, numerator, denominator, actual FROM kpi.kpi_periods")  # noqa: S608 - our own words
    return {Key(*row[:5]): Number(*row[5:]) for row in rows}


def test_every_meeting_has_the_verdict_and_the_reasons_worked_out_by_hand(night_home: Home, company: Company) -> None:
    found = night_home.rows(
        "SELECT meeting_id, definition_version, verdict, failed_rules, waiting_rules, warned_rules, pending_until_date"
        " FROM kpi.meeting_verdicts"
    )

    assert_same(found, (tuple(one) for one in verdicts(company)))
    assert {row[2] for row in found} == {"valid", "invalid", "pending"}
    assert {row[1] for row in found} == {1, 2}


def test_every_kpi_is_worked_out_by_hand(by_hand: dict[Key, Number], in_tables: dict[Key, Number]) -> None:
    kpis = {key.kpi_id for key in in_tables}

    assert {key.kpi_id for key in by_hand} == kpis
    assert len(kpis) == 19
    assert {(key.period_kind, key.scope_kind) for key in by_hand} == {
        (period, scope) for period in PERIODS for scope in ("rep", "team", "department")
    }


def test_the_open_rate_by_people_never_lies_above_the_open_rate(in_tables: dict[Key, Number]) -> None:
    pairs = [
        (number, in_tables[key._replace(kpi_id="email_open_rate")])
        for key, number in in_tables.items()
        if key.kpi_id == "email_open_rate_by_person" and number.numerator is not None
    ]

    assert pairs
    assert all(lower.denominator == upper.denominator for lower, upper in pairs)
    assert all(lower.numerator <= upper.numerator for lower, upper in pairs)


def test_every_value_is_the_one_worked_out_by_hand(by_hand: dict[Key, Number], in_tables: dict[Key, Number]) -> None:
    counted = {key: number for key, number in in_tables.items() if number.numerator is not None}
    products = {key for key in by_hand if key.kpi_id == "pipeline_velocity"}

    assert_same(
        (item for item in counted.items() if item[0] not in products),
        (item for item in by_hand.items() if item[0] not in products),
    )
    assert {key for key in counted if key.kpi_id == "pipeline_velocity"} == products
    assert all(
        _is_close(counted[key], by_hand[key]) for key in products
    )  # products of quotients: the last bit may differ


def test_a_row_without_anything_counted_is_there_for_its_target_only(
    night_home: Home, in_tables: dict[Key, Number]
) -> None:
    rows = night_home.rows(f"SELECT {KEYS}, target FROM kpi.kpi_periods WHERE numerator IS NULL")  # noqa: S608 - our own words

    assert rows
    for *key, target in rows:
        number = in_tables[Key(*key)]
        assert target is not None
        assert number == Number(None, None, 0.0 if key[0] in COUNTED else None)


@pytest.mark.parametrize("phase", ["launch", "stable", "mature"])
def test_the_phase_tables_say_what_kpi_periods_says(night_home: Home, in_tables: dict[Key, Number], phase: str) -> None:
    columns = [
        name
        for (name,) in night_home.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'kpi' AND table_name = ?",
            f"{phase}_phase",
        )
    ]
    kpis = [name.removesuffix("_actual") for name in columns if name.endswith("_actual")]
    assert kpis

    for kpi_id in kpis:
        rows = night_home.rows(f"SELECT {KEYS.removeprefix('kpi_id, ')}, {kpi_id}_actual FROM kpi.{phase}_phase")  # noqa: S608 - names from the catalogue
        found = {Key(kpi_id, *row[:4]): row[4] for row in rows}
        expected = {key: number.actual for key, number in in_tables.items() if key.kpi_id == kpi_id}
        assert {key: value for key, value in found.items() if value is not None} == {
            key: value for key, value in expected.items() if value is not None
        }
        assert expected.keys() <= found.keys()


def test_daily_facts_add_up_to_the_periods(night_home: Home) -> None:
    rows = night_home.rows(
        """
        WITH daily AS (
            SELECT kpi_id, month_start AS period_start, team AS scope_id, sum(numerator)::DOUBLE AS n, sum(denominator)::DOUBLE AS d
            FROM kpi.kpi_daily JOIN core.calendar ON day = counted_date GROUP BY ALL)
        SELECT kpi_id, period_start, scope_id, n, numerator, d, denominator FROM daily
        JOIN kpi.kpi_periods USING (kpi_id, period_start, scope_id)
        WHERE period_kind = 'month' AND scope_kind = 'team'
        """
    )

    assert len(rows) > 300
    assert [row for row in rows if row[3] != row[4] or row[5] != row[6]] == []


def test_no_number_is_of_a_day_after_as_of(night_home: Home, company: Company) -> None:
    (last,) = night_home.rows("SELECT max(counted_date) FROM kpi.kpi_daily")[0]
    (as_of,) = night_home.rows("SELECT max(as_of) FROM kpi.kpi_periods")[0]
    (to_come,) = night_home.rows("SELECT max(held_date) FROM core.meetings")[0]

    assert (last, as_of) == (company.as_of, company.as_of)
    assert to_come > date(2026, 11, 20)  # so that there was something to leave out


def _is_close(one: Number, other: Number) -> bool:
    return all(a == b or isclose(a or 0, b or 0, rel_tol=1e-12) for a, b in zip(one, other, strict=True))
