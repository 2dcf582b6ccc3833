"""What only DuckDB can do, and the expressions that all models share."""

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from models.duckdb import days_between, first_known, json_path, local_date, minute_of, minutes_between
from models.errors import FieldPathError
from models.expressions import company_size, core_id, in_period, inline_rows, or_unknown, ratio
from tests.models.factories import at

TIMESTAMP = sa.DateTime(timezone=True)


def value(warehouse: sa.Connection, expression: Any) -> Any:
    return warehouse.execute(sa.select(expression)).scalar_one()


def moment(text: str) -> Any:
    return sa.literal(at(text), TIMESTAMP)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(1, 4, 0.25), (0, 4, 0.0), (1, 0, None), (0, 0, None), (None, 4, None), (1, None, None)],
)
def test_a_ratio_without_denominator_is_null(
    warehouse: sa.Connection, numerator: int | None, denominator: int | None, expected: float | None
) -> None:
    found = value(warehouse, ratio(sa.literal(numerator, sa.Integer), sa.literal(denominator, sa.Integer)))

    assert found == expected


@pytest.mark.parametrize(
    ("day", "is_in"),
    [(date(2026, 3, 31), False), (date(2026, 4, 1), True), (date(2026, 4, 30), True), (date(2026, 5, 1), False)],
)
def test_a_period_ends_before_its_end(warehouse: sa.Connection, day: date, is_in: bool) -> None:
    assert value(warehouse, in_period(sa.literal(day), date(2026, 4, 1), date(2026, 5, 1))) is is_in


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-09-08T14:59:59.999", "Asia/Tokyo", date(2026, 9, 8)),
        ("2026-09-08T15:00", "Asia/Tokyo", date(2026, 9, 9)),
        ("2026-03-29T00:59", "Europe/Berlin", date(2026, 3, 29)),
        ("2026-03-29T22:00", "Europe/Berlin", date(2026, 3, 30)),
        ("2026-09-08T03:59", "America/New_York", date(2026, 9, 7)),
    ],
)
def test_a_moments_day_depends_on_the_zone(warehouse: sa.Connection, text: str, zone: str, expected: date) -> None:
    assert value(warehouse, local_date(moment(text), zone)) == expected


def test_minutes_and_days_are_whole_ones(warehouse: sa.Connection) -> None:
    start, end = moment("2026-09-08T01:00:30"), moment("2026-09-08T01:31:29")

    assert value(warehouse, minutes_between(start, end)) == 30
    assert value(warehouse, minute_of(end)) == at("2026-09-08T01:31")
    assert value(warehouse, days_between(sa.literal(date(2026, 2, 27)), sa.literal(date(2026, 3, 1)))) == 2


def test_the_first_known_value_skips_null(warehouse: sa.Connection) -> None:
    kinds: dict[str, Any] = {"place": sa.Integer(), "what": sa.Text()}
    given = inline_rows("given", kinds, [(1, None), (3, "c"), (2, "b")])
    none = inline_rows("nothing", kinds, [])

    assert value(warehouse, sa.select(first_known(given.c.what, given.c.place)).scalar_subquery()) == "b"
    assert value(warehouse, sa.select(sa.func.count()).select_from(none).scalar_subquery()) == 0


def test_ids_and_segments_say_what_is_missing(warehouse: sa.Connection) -> None:
    nothing = sa.literal(None, sa.Text)

    assert value(warehouse, core_id(sa.literal("hs"), sa.literal("1"))) == "hs:1"
    assert value(warehouse, core_id(sa.literal("hs"), nothing)) is None
    assert value(warehouse, or_unknown(nothing)) == "unknown"
    assert value(warehouse, company_size(sa.literal(None, sa.Integer))) == "unknown"


@pytest.mark.parametrize("path", ["", "a..b", "a'b", 'a"b', "a;b", "a.$", "a[0]"])
def test_a_path_that_cannot_be_one_is_refused(path: str) -> None:
    with pytest.raises(FieldPathError):
        json_path(path)
