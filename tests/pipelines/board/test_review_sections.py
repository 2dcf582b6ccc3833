"""Do the parts for a review show what the tables say: cohorts, answers, disagreements, reasons, histories, proposals, the gate?"""

import re
from collections.abc import Callable
from types import ModuleType

import pytest
import sqlalchemy as sa

from models import tables as t

Render = Callable[..., str]
TAG = re.compile(r"<[^>]+>")


def english(html: str) -> str:
    """The text that a reader of English sees."""
    return re.sub(r"\s+", " ", TAG.sub(" ", re.sub(r'<span lang="ja">.*?</span>', "", html)))


def section(html: str, name: str) -> str:
    return html.split(f'<section class="card" id="{name}"')[1].split("</section>")[0]


def table_of(html: str, caption: str) -> list[list[str]]:
    """The rows of a table as an English reader sees them."""
    body = html.split(f'<caption id="{caption}"')[1].split("<tbody>")[1].split("</tbody>")[0]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("<tr")[1:]]
    return [[english(cell).strip() for cell in row] for row in cells]


def test_a_cohort_shows_the_share_of_those_old_enough(html: str, connection: sa.Connection) -> None:
    c = t.cohorts.c
    found = connection.execute(
        sa.select(c.converted, c.at_risk, c.cohort_month).where(
            c.cohort_kind == "booking", c.step == "held", c.age_days == 30
        )
    ).all()
    shown = {row[0]: row[2] for row in table_of(html, "cohort-booking")}

    assert shown == {
        f"{row.cohort_month:%b %Y}": f"{100 * row.converted / row.at_risk:.1f}%" if row.at_risk else "–"
        for row in found
    }
    assert "–" in shown.values()  # November's bookings are too young


def test_a_cohort_that_is_not_whole_is_pale(html: str) -> None:
    rows = html.split('<caption id="cohort-booking"')[1].split("</tbody>")[0].split("<tr")
    october = next(row for row in rows if "Oct 2026" in row)
    july = next(row for row in rows if "Jul 2026" in row)

    assert "muted" in october
    assert "muted" not in july.split("</td>")[1]


def test_answers_of_a_month_add_up_to_its_held_meetings(html: str, connection: sa.Connection, demo: ModuleType) -> None:
    month = table_of(html, "feedback-months")[-1]
    held = connection.execute(
        sa.select(sa.func.count()).where(t.meetings.c.outcome == "held", t.meetings.c.held_date >= demo.MONTH)
    ).scalar_one()

    accepted, rejected, silent, waiting = (int(figure) for figure in month[1:5])
    assert accepted + rejected + silent + waiting == held
    assert month[5] == f"{100 * accepted / (accepted + rejected):.1f}%"


def test_every_disagreement_is_listed_with_its_reason(html: str, connection: sa.Connection) -> None:
    listed = table_of(html, "disagreements")

    assert len(listed) == 40
    assert all(why != "–" for _, _, _, why in listed)
    counted = connection.execute(
        sa.select(sa.func.count()).where(
            t.disagreements.c.kind == "accepted_but_fails", t.disagreements.c.held_date >= sa.literal("2026-09-01")
        )
    ).scalar_one()
    assert f"Accepted, but fails the definition {counted}" in english(section(html, "reviews"))


def test_reasons_stand_in_the_order_of_their_number(html: str) -> None:
    assert table_of(html, "reasons-lost_reason") == [["No decision", "7"], ["Competitor", "4"]]
    rejected = [int(count) for _, count in table_of(html, "reasons-reject_reason")]
    assert rejected == sorted(rejected, reverse=True)


def test_an_alert_tells_what_happened_to_it_and_what_is_proposed(html: str) -> None:
    shown = english(section(html, "diverges"))

    assert "Fri 13 Nov: Opened Fri 13 Nov: Notified Wed 18 Nov: Got worse → Off track" in shown
    assert "Demo Manager: two reps at the exhibition this week" in shown
    assert "Act on lead source “Purchased list”, rate: 29 more needed by" in shown
    assert "Act on lead source “Purchased list”, rate: 11.9% should be seen by" in shown
    assert "Wait: 230 should be seen by" in shown


def test_a_number_that_rose_while_its_guard_fell_is_marked(
    html: str, connection: sa.Connection, render: Render
) -> None:
    assert "its guard got worse" in english(section(html, "phases"))

    connection.execute(t.kpi_periods.update().values(guard_note=None))

    assert "its guard got worse" not in english(section(render(connection), "phases"))


def test_a_change_of_a_crm_s_field_is_told(html: str) -> None:
    assert "salesforce · Event.Decision_Maker__c" in english(section(html, "data"))


@pytest.mark.parametrize(
    ("proposal", "phase", "kpi_id", "target", "told"),
    [
        pytest.param("stay", "stable", "valid_meetings", None, "Stay in this phase Missing", id="stay"),
        pytest.param(
            "advance",
            "mature",
            "deals_won",
            None,
            "Every condition is met. Next: the phase “Mature” with Deals won.",
            id="next phase",
        ),
        pytest.param("next_kpi", "stable", "meetings_held", None, "Next KPI: Meetings held.", id="next KPI"),
        pytest.param(
            "smaller_goal", "stable", "valid_meetings", 110, "present level 110 would truly be met", id="less"
        ),
        pytest.param("reset_target", "stable", "valid_meetings", 140, "fits the present level is 140.", id="more"),
        pytest.param("gone_from_the_code", "stable", None, None, "gone_from_the_code", id="unknown"),
    ],
)
def test_the_gate_says_what_is_proposed_and_why(
    connection: sa.Connection,
    render: Render,
    proposal: str,
    phase: str,
    kpi_id: str | None,
    target: float | None,
    told: str,
) -> None:
    connection.execute(
        t.phase_status.update().values(
            proposal=proposal, proposed_phase=phase, proposed_kpi_id=kpi_id, proposed_target=target
        )
    )

    gate = english(section(render(connection), "plan"))

    assert told in gate
    assert "Missing:" in gate
