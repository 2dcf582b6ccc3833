"""SOQL text: hostile input stays a literal or is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.salesforce import soql
from connectors.sandbox.soql import parse, plain


@given(st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"])))
def test_a_quoted_text_is_read_back_as_one_literal(text: str) -> None:
    query = parse(" ".join(["SELECT Id FROM Task WHERE Subject =", soql.quote(text)]))

    assert plain(query.where.values[0].value) == text.replace("\\_", "_").replace("\\%", "%")


@pytest.mark.parametrize(
    "text",
    ["", "Id, Name", "Id FROM User --", "Name'", "(SELECT Id FROM Contacts)", "a..b", ".a", "1a", "名前"],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        soql.select([text], "Task")
    with pytest.raises(ValueError, match="no name"):
        soql.select(["Id"], text)


def test_a_query_is_written_out() -> None:
    window = soql.within("SystemModstamp", datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC))

    query = soql.select(["Id", "Owner.Name"], "Task", where=window, order=("SystemModstamp", "Id"))

    assert query == (
        "SELECT Id, Owner.Name FROM Task WHERE SystemModstamp >= 2026-04-01T00:00:00.000Z "
        "AND SystemModstamp < 2026-04-02T00:00:00.000Z ORDER BY SystemModstamp, Id"
    )


def test_a_window_without_start_asks_for_everything_before_its_end() -> None:
    assert soql.within("CreatedDate", None, datetime(2026, 4, 2, tzinfo=UTC)) == [
        "CreatedDate < 2026-04-02T00:00:00.000Z"
    ]


def test_times_are_written_in_utc_and_never_without_zone() -> None:
    tokyo = timezone(timedelta(hours=9))

    assert soql.moment(datetime(2026, 4, 1, 9, tzinfo=tokyo)) == "2026-04-01T00:00:00.000Z"
    with pytest.raises(ValueError, match="without zone"):
        soql.moment(datetime(2026, 4, 1))  # noqa: DTZ001 - the mistake under test
