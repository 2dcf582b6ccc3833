"""A team adds KPIs of its own in kpis.yaml, signs, and sees them counted, in the periods, and on the board: without Python."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

import definitions_contract
from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from definitions_contract.signing import sign
from models import tables
from models.kpi import kpi_daily, kpi_periods, record_history, snapshots
from pipelines.board.names import names_of
from pipelines.board.render import render_board
from pipelines.warehouse import write_model
from tests.models.factories import a_call, a_context, a_deal, a_meeting, insert, row_of

DEFAULT = Path(str(definitions_contract.__file__)).parent / "agreement"
AS_OF = date(2026, 9, 30)
OWN = """
  - id: long_talks
    label: {ja: 長い通話, en: Long talks}
    description: {ja: 2分以上の通話, en: Calls of two minutes and more}
    phase: launch
    kind: count
    unit: calls
    numerator: {event: calls, where: {duration_seconds: {at_least: 120}}, date: called_date, credit: rep_id}
    owner: inside_sales

  - id: mean_meeting_minutes
    label: {ja: 平均商談時間, en: Mean meeting length}
    description: {ja: 実施した商談の平均時間（担当FS別）, en: Mean minutes of meetings held}
    phase: stable
    kind: mean
    unit: meetings
    numerator: {event: meetings, where: {outcome: held}, sum: minutes, date: held_date, credit: held_by_rep_id}
    denominator: {event: meetings, where: {outcome: held}, date: held_date, credit: held_by_rep_id}
    owner: field_sales

  - id: money_per_call
    label: {ja: 架電あたり受注金額, en: Won amount per call}
    description: {ja: 受注金額 ÷ 架電数, en: Won amount per call made}
    phase: mature
    kind: mean
    unit: money
    numerator: {event: deals, where: {status: won}, sum: agreed_amount, date: close_date, credit: rep_id}
    denominator: {event: calls, where: {direction: outbound}, date: called_date, credit: rep_id}
    owner: inside_sales
    guard: reply_rate
"""


@pytest.fixture
def own_agreement(tmp_path: Path) -> Agreement:
    folder = tmp_path / "agreement"
    shutil.copytree(DEFAULT, folder)
    file = folder / "kpis.yaml"
    head, signatures = file.read_text(encoding="utf-8").split("\nsignatures:\n")
    file.write_text(head.rstrip("\n") + "\n" + OWN + "\nsignatures: []\n", encoding="utf-8")
    names = {
        line.split("department: ")[1].split(",")[0]: line.split("name: ")[1].split(",")[0]
        for line in signatures.splitlines()
        if "department:" in line
    }
    for department, name in names.items():
        sign(file, department=department, name=name, day=date(2026, 4, 1))
    return load_agreement(folder)


def test_three_kpis_of_a_teams_own_are_counted_signed_and_shown(
    with_calendar: sa.Connection, own_agreement: Agreement
) -> None:
    context = a_context(agreement=own_agreement, as_of=AS_OF)
    insert(with_calendar, tables.calls, *(a_call(call_id=f"c{n}", duration_seconds=60 * n) for n in (1, 2, 3)))
    insert(with_calendar, tables.deals, *(a_deal(deal_id=f"d{n}", agreed_amount=n * 100) for n in (1, 2)))
    meetings = [a_meeting(meeting_id=f"m{n}", minutes=n, held_by_rep_id="hs:f1") for n in (10, 20, 90)]
    insert(with_calendar, tables.meetings, *meetings)
    for rep, team, department in (("hs:r1", "is_east", "inside_sales"), ("hs:f1", "fs", "field_sales")):
        time = {"rep_id": rep, "team": team, "department": department, "valid_from": date(2026, 1, 1)}
        insert(with_calendar, tables.rep_teams, row_of(tables.rep_teams, **time))

    for model in (kpi_daily.MODEL, kpi_periods.MODEL, record_history.MODEL, snapshots.MODEL):
        write_model(with_calendar, model, context)

    periods = tables.kpi_periods.c
    month = sa.select(periods.kpi_id, periods.scope_id, periods.actual, periods.median).where(
        periods.kpi_id.in_(["long_talks", "mean_meeting_minutes", "money_per_call"]),
        periods.period_kind == "month",
        periods.period_start == date(2026, 9, 1),
        periods.scope_kind == "team",
    )
    assert {tuple(row) for row in with_calendar.execute(month)} == {
        ("long_talks", "is_east", 2.0, None),
        ("mean_meeting_minutes", "fs", 40.0, 20.0),  # the mean of 10, 20, 90, and its median beside it
        ("money_per_call", "is_east", 100.0, None),  # 300 over three calls; the middle deal is no middle of that
    }
    kept = sa.select(tables.snapshots.c.kpi_id).where(tables.snapshots.c.known_date == AS_OF)
    assert {"long_talks", "mean_meeting_minutes"} <= set(with_calendar.scalars(kept))
    names = names_of(own_agreement, {})
    assert (names.kpi("long_talks").ja, names.unit("mean_meeting_minutes")) == ("長い通話", "meetings")
    render_board(with_calendar, own_agreement, as_of=AS_OF, built_at=datetime(2026, 10, 1, tzinfo=UTC))
