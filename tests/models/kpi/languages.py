"""Random rules over the whole language of the agreement, and random meetings with what they are linked to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st

from definitions_contract.schema import Rule
from models import tables
from tests.models.factories import a_deal, a_meeting, insert, row_of
from tests.models.kpi.agreements import a_rule

Kwargs = dict[str, Any]
DAYS = st.dates(date(2026, 8, 20), date(2026, 10, 20))
HUGE = (-(2**63), 2**53 + 1, 2**63 - 1)  # the least and greatest of a column, and one that a float does not hold
NUMBERS = st.integers(0, 5) | st.sampled_from([-1, *HUGE])
WRITTEN_NUMBERS = st.integers(0, 5) | st.sampled_from([-1, 10**15, -(10**15)])
TEXTS = st.sampled_from(["held", "no_show", "booked", "a", "Ab", "it's", "100%", "予算", ":x"]) | st.sampled_from(
    ["", " ", "0", "-0", "12", "1e3", "NaN", "inf", "true", "NULL", "\\", "a\nb", '{"a": 1}']
)
AMOUNTS = [Decimal(value) for value in ("0.10", "1.50", "2", "2.01", "-0.00", "0.00", "-2.01", "9999999999999999.99")]
WRITTEN_AMOUNTS = [0.1, 1.5, 2, 2.0, 0, -0.0, 1e-9, 1e15, -1e15, -2.01]
COLUMNS: Mapping[str, st.SearchStrategy[Any]] = {
    "outcome": st.sampled_from(["held", "no_show", "booked", "unknown"]),
    "reject_reason": TEXTS,
    "decision_maker_present": st.booleans(),
    "has_deal": st.booleans(),
    "minutes": NUMBERS,
    "attendee_count": NUMBERS,
    "booked_date": DAYS,
    "feedback_date": DAYS,
    "contact_title": TEXTS,
    "employee_count": NUMBERS,
    "deal_status": st.sampled_from(["won", "lost", "open"]),
    "deal_amount": st.sampled_from(AMOUNTS),
}
OF_KIND = {
    "text": ("outcome", "reject_reason", "contact_title", "deal_status"),
    "number": ("minutes", "attendee_count", "employee_count"),
    "date": ("booked_date", "feedback_date", "held_date"),
    "boolean": ("decision_maker_present", "has_deal"),
}
WRITTEN: Mapping[str, st.SearchStrategy[Any]] = {  # what a rule may say of a column; a record may hold more
    **COLUMNS,
    **dict.fromkeys(OF_KIND["number"], WRITTEN_NUMBERS),
    "deal_amount": st.sampled_from(WRITTEN_AMOUNTS),
}
BOUNDS: Mapping[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(OF_KIND["number"], WRITTEN_NUMBERS),
    "deal_amount": st.sampled_from(WRITTEN_AMOUNTS),
    "booked_date": DAYS,
    "feedback_date": DAYS,
}


def _literal(value: Any) -> str:
    """Write a value as a row condition has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return f'date("{value}")'
    quote = "'" if '"' in str(value) else '"'
    return f"{quote}{value}{quote}" if isinstance(value, str) else _figure(value)


def _figure(value: Any) -> str:
    """Write a number without an exponent, as conditions have it."""
    return format(Decimal(str(value)), "f")


def _sql(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return f"date '{value}'"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else _figure(value)


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    """One comparison of a row condition."""
    column = draw(st.sampled_from(sorted(COLUMNS)))
    form = draw(st.sampled_from(["null", "in", "compare", "compare"]))
    if form == "null":
        return f'col("{column}").is_{draw(st.sampled_from(["", "not_"]))}null()'
    if form == "in":
        values = ", ".join(_literal(value) for value in draw(st.lists(WRITTEN[column], min_size=1, max_size=2)))
        return f'col("{column}").is_{draw(st.sampled_from(["", "not_"]))}in([{values}])'
    equality = column in OF_KIND["boolean"]
    sign = draw(st.sampled_from(["==", "!="] if equality else ["==", "!=", "<", "<=", ">", ">="]))
    return f'col("{column}") {sign} {_literal(draw(WRITTEN[column]))}'


ROW_CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: st.tuples(inner, st.sampled_from("&|"), inner).map("({0[0]} {0[1]} {0[2]})".format),
    max_leaves=4,
)


@st.composite
def sql_parts(draw: st.DrawFn) -> str:
    """One comparison of a condition in SQL."""
    column = draw(st.sampled_from(sorted(COLUMNS)))
    value, other = draw(WRITTEN[column]), draw(WRITTEN[column])
    forms = [f"{column} = {_sql(value)}", f"{column} <> {_sql(value)}", f"{column} in ({_sql(value)}, {_sql(other)})"]
    forms += [f"{column} is null", f"{column} is not null", f"coalesce({column}, {_sql(value)}) = {_sql(other)}"]
    if column not in OF_KIND["boolean"]:
        forms += [f"{column} >= {_sql(value)}", f"{column} between {_sql(value)} and {_sql(other)}"]
    else:
        forms += [column, f"not {column}", f"{column} is true"]
    if column in OF_KIND["number"]:
        forms += [f"{column} * 2 - attendee_count > 1", f"abs({column} - minutes) < 2", f"-{column} < minutes"]
    if column in OF_KIND["text"]:
        forms += [f"length({column}) > 2", f"lower({column}) = 'ab'"]
    if column in OF_KIND["date"]:
        forms += [f"{column} - held_date < 5"]
    return draw(st.sampled_from(forms))


SQL_CONDITIONS = st.recursive(
    sql_parts(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map("({0[0]} {0[1]} {0[2]})".format),
        inner.map("not ({})".format),
    ),
    max_leaves=4,
)


@st.composite
def bounds(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> Kwargs:
    """Bounds that do not cross, strict or not."""
    names = draw(st.sampled_from([("min_value",), ("max_value",), ("min_value", "max_value")]))
    chosen = sorted(draw(values) for _ in names)
    strict = {"strict_min": draw(st.booleans()), "strict_max": draw(st.booleans())}
    return {**dict(zip(names, chosen, strict=True)), **strict}


@st.composite
def expectations(draw: st.DrawFn) -> tuple[str, Kwargs]:  # noqa: C901 - one branch an expectation
    """An expectation with arguments that fit its columns."""
    name = draw(
        st.sampled_from(["null", "set", "between", "length", "regex", "greater", "equal", "pairs", "days", "sql"])
    )
    no = draw(st.sampled_from(["", "not_"]))
    column = draw(st.sampled_from(sorted(COLUMNS)))
    kind = draw(st.sampled_from(sorted(OF_KIND)))
    pair = dict(zip(("column_A", "column_B"), draw(st.permutations(OF_KIND[kind]))[:2], strict=True))
    match name:
        case "null":
            return f"column_values_to_{no}be_null", {"column": column}
        case "set":
            values = draw(st.lists(WRITTEN[column], min_size=1, max_size=3))
            return f"column_values_to_{no}be_in_set", {"column": column, "value_set": values}
        case "between":
            ordered = draw(st.sampled_from(sorted(BOUNDS)))
            return "column_values_to_be_between", {"column": ordered, **draw(bounds(BOUNDS[ordered]))}
        case "length":
            text = draw(st.sampled_from(OF_KIND["text"]))
            return "column_value_lengths_to_be_between", {"column": text, **draw(bounds(WRITTEN_NUMBERS))}
        case "regex":
            regex = draw(st.sampled_from(["^h", "o", "[A-Z]", "算$", r"\w+_\w", ".", "'", "%", "x{1}"]))
            return f"column_values_to_{no}match_regex", {
                "column": draw(st.sampled_from(OF_KIND["text"])),
                "regex": regex,
            }
        case "greater":
            ordered_kind = draw(st.sampled_from(["number", "date"]))
            first, second = draw(st.permutations(OF_KIND[ordered_kind]))[:2]
            return "column_pair_values_a_to_be_greater_than_b", {
                "column_A": first, "column_B": second, "or_equal": bool(no)
            }  # fmt: skip
        case "equal":
            return "column_pair_values_to_be_equal", pair
        case "pairs":
            of = {**WRITTEN, "held_date": DAYS}
            pairs = draw(
                st.lists(st.tuples(of[pair["column_A"]], of[pair["column_B"]]).map(list), min_size=1, max_size=3)
            )
            return "column_pair_values_to_be_in_set", {**pair, "value_pairs_set": pairs}
        case "days":
            first, second = draw(st.permutations(OF_KIND["date"]))[:2]
            spans = {"column_A": first, "column_B": second, **draw(bounds(st.integers(-10, 10)))}
            return "column_pair_days_between_to_be_between", spans
    return "sql_condition_to_hold", {"condition": draw(SQL_CONDITIONS)}


NOT_NULL = "column_values_to_not_be_null"  # of a rule that lets a missing value pass it would say nothing


@st.composite
def rules(draw: st.DrawFn, most: int = 6) -> tuple[Rule, ...]:
    """Rules of one version."""
    made = []
    for number in range(draw(st.integers(1, most))):
        name, kwargs = draw(expectations())
        if draw(st.booleans()):
            kwargs["row_condition"] = draw(ROW_CONDITIONS)
        column = kwargs.get("column")
        may_wait = column is not None and not name.endswith("to_be_null")
        made.append(
            a_rule(
                id=f"r{number}",
                expectation=f"expect_{name}",
                kwargs=kwargs,
                severity=draw(st.sampled_from(["critical", "critical", "warning"])),
                wait_business_days=draw(st.sampled_from([0, 1, 5])),
                missing="fails" if name == NOT_NULL else draw(st.sampled_from(["fails", "fails", "passes"])),
                waiting_values=tuple(draw(st.lists(WRITTEN[column], max_size=1))) if may_wait and column else (),
            )
        )
    return tuple(made)


@dataclass(frozen=True, slots=True)
class LinkedMeeting:
    """A meeting with the rows that it is linked to, and all of it as one flat row, as the plain reading wants it."""

    meeting: Mapping[str, Any]
    contact: Mapping[str, Any]
    company: Mapping[str, Any]
    deal: Mapping[str, Any]
    flat: Mapping[str, Any]


@st.composite
def linked_meetings(draw: st.DrawFn, most: int = 8) -> list[LinkedMeeting]:
    """A few meetings, each with its own person, company and deal; any value may be missing."""
    return [_linked(f"m{number}", draw) for number in range(draw(st.integers(1, most)))]


def _linked(name: str, draw: st.DrawFn) -> LinkedMeeting:
    values = {column: draw(st.none() | strategy) for column, strategy in COLUMNS.items()}
    own = {column: value for column, value in values.items() if column in tables.meetings.c}
    links = {"contact_id": name, "company_id": name, "deal_id": name}
    meeting = a_meeting(meeting_id=name, held_date=draw(DAYS), **links, **own)
    return LinkedMeeting(
        meeting=meeting,
        contact=row_of(tables.contacts, contact_id=name, title=values["contact_title"]),
        company=row_of(tables.companies, company_id=name, employee_count=values["employee_count"]),
        deal=a_deal(deal_id=name, status=values["deal_status"], agreed_amount=values["deal_amount"]),
        flat={**meeting, **values},
    )


def replace_meetings(connection: sa.Connection, linked: list[LinkedMeeting]) -> None:
    """Make these the only meetings."""
    places = {"meeting": tables.meetings, "contact": tables.contacts, "company": tables.companies, "deal": tables.deals}
    for name, table in places.items():
        connection.execute(sa.delete(table))
        insert(connection, table, *(getattr(one, name) for one in linked))
