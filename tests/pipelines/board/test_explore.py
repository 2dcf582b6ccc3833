import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from models import tables as t
from pipelines.board.shrinkage import rate_shrinkage

Render = Callable[..., str]
FIRST = 5  # places before the figures: month, rep, team, source, method


def board_data(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="board-data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_carried_numbers_add_up_to_the_month_s_numbers(
    html: str, connection: sa.Connection, demo: ModuleType
) -> None:
    data = board_data(html)
    c = t.kpi_periods.c
    month = (c.period_kind == "month") & (c.period_start == demo.MONTH) & (c.scope_kind == "department")
    stored = {row.kpi_id: row for row in connection.execute(sa.select(t.kpi_periods).where(month))}

    for at, measure in enumerate(data["measures"]):
        rows = [row for row in data["facts"] if row[0] == 0]
        assert sum(row[FIRST + 2 * at] for row in rows) == pytest.approx(stored[measure["id"]].numerator)
        assert sum(row[FIRST + 2 * at + 1] for row in rows) == pytest.approx(stored[measure["id"]].denominator or 0)


def test_the_meetings_that_can_be_opened_are_those_that_were_judged(
    html: str, connection: sa.Connection, demo: ModuleType
) -> None:
    data = board_data(html)
    c = t.meeting_verdicts.c
    counted = sa.select(c.verdict, sa.func.count()).where(c.counted_date >= demo.MONTH, c.counted_date <= demo.AS_OF)
    stored = {row[0]: row[1] for row in connection.execute(counted.group_by(c.verdict))}

    shown = [data["verdicts"][row[7]][0] for row in data["meetings"] if row[2] == 0]

    assert {verdict: shown.count(verdict) for verdict in stored} == stored


def test_the_page_s_data_cannot_end_its_element(connection: sa.Connection, render: Render) -> None:
    hostile = "</script><script>alert(1)</script><!--\u2028"
    connection.execute(t.reps.update().values(name=hostile))

    html = render(connection)

    assert html.count("</script>") == 2
    assert board_data(html)["lists"]["rep"][0][1] == hostile


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", ""])
def test_no_address_but_a_web_address_is_carried(connection: sa.Connection, render: Render, address: str) -> None:
    connection.execute(t.meeting_verdicts.update().values(crm_url=address))

    assert {row[1] for row in board_data(render(connection))["meetings"]} == {""}


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=1, max_size=15))
def test_a_drawn_rate_lies_between_the_own_and_the_common_one(groups: list[tuple[int, int]]) -> None:
    groups = [(min(hits, cases), cases) for hits, cases in groups]
    common = sum(hits for hits, _ in groups) / sum(cases for _, cases in groups)
    shrinkage = rate_shrinkage(groups)

    for hits, cases in groups:
        drawn = shrinkage.rate(hits, cases, common)
        assert min(hits / cases, common) - 1e-9 <= drawn <= max(hits / cases, common) + 1e-9
