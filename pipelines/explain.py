"""Why a meeting counted or not: what each rule saw, which version judged, who signed it, what would make it valid."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from definitions_contract.loader import load_agreement
from definitions_contract.schema import Definition
from models.tables import meeting_copies, meeting_rule_results, meeting_verdicts, meetings, reps
from pipelines.errors import NothingPublishedError, UnknownMeetingError
from pipelines.publish import DATABASE_NAME
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse


def print_meeting(console: Console, settings: Settings, meeting: str) -> None:
    """Print the verdict on a meeting with its reasons.

    `meeting` is a meeting id, a CRM id (of any copy) or the link to it. Raises UnknownMeetingError when nothing has that id.
    """
    database = settings.published / DATABASE_NAME
    if not database.exists():
        raise NothingPublishedError(f"there is no {database} yet; run `kpi nightly` first")
    agreement = load_agreement(settings.agreement_folder)
    with Warehouse(database, read_only=True).transaction() as connection:
        found = connection.execute(_found(meeting)).mappings().first()
        if found is None:
            raise UnknownMeetingError(f"no meeting has the id {meeting!r}; give a meeting id, a CRM id or its link")
        rules = connection.execute(_results(found["meeting_id"])).mappings().all()
    definition = next(
        (d for d in agreement.definitions if d.name == "valid_meeting" and d.version == found["definition_version"]),
        None,
    )
    _print_verdict(console, found, definition)
    if definition is not None:
        _print_rules(console, definition, rules)


def _found(meeting: str) -> sa.Select[Any]:
    by_copy = sa.select(meeting_copies.c.meeting_id).where(
        sa.or_(meeting_copies.c.crm_id == meeting, meeting_copies.c.crm_url == meeting)
    )
    named = sa.or_(meetings.c.meeting_id == meeting, meetings.c.crm_url == meeting, meetings.c.meeting_id.in_(by_copy))
    judged = meetings.join(meeting_verdicts, meetings.c.meeting_id == meeting_verdicts.c.meeting_id)
    booker = judged.outerjoin(reps, meetings.c.rep_id == reps.c.rep_id)
    columns = (
        meetings.c.outcome,
        meetings.c.minutes,
        meetings.c.field_sales_feedback,
        meetings.c.reject_reason,
        meetings.c.feedback_date,
        reps.c.name.label("booked_by"),
        *(column for column in meeting_verdicts.columns),
    )
    return sa.select(*columns).select_from(booker).where(named).limit(1)


def _results(meeting_id: str) -> sa.Select[Any]:
    return sa.select(meeting_rule_results).where(meeting_rule_results.c.meeting_id == meeting_id)


def _print_verdict(console: Console, found: Mapping[Any, Any], definition: Definition | None) -> None:
    console.print(f"[bold]{found['meeting_id']}[/bold]  {found['crm_url']}", highlight=False, soft_wrap=True)
    console.print(
        f"booked {found['booked_date']} by {found['booked_by']}, day {found['held_date']}, outcome {found['outcome']},"
        f" feedback {found['field_sales_feedback'] or 'none'} {found['reject_reason'] or ''}",
        highlight=False,
    )
    if definition is None:
        console.print("not judged: no signed version was in force on its day")
        return
    signed = ", ".join(f"{s.department} ({s.name}, {s.signed_date})" for s in definition.signatures)
    until = f" until {found['pending_until_date']}" if found["verdict"] == "pending" else ""
    console.print(
        f"verdict: [bold]{found['verdict']}[/bold]{until} by {definition.name} v{definition.version}, signed: {signed}"
    )


def _print_rules(console: Console, definition: Definition, results: Sequence[Mapping[Any, Any]]) -> None:
    by_rule = {row["rule_id"]: row for row in results}
    table = Table("rule", "result", "seen", "asked for", "severity")
    for rule in definition.rules:
        row = by_rule[rule.id]
        until = f" until {row['waiting_until_date']}" if row["outcome"] == "waiting" else ""
        asked = f"{rule.expectation} {dict(rule.kwargs)}"
        table.add_row(
            f"{rule.label.ja} / {rule.label.en}",
            f"{row['outcome']}{until}",
            row["observed"] or "nothing",
            asked,
            rule.severity,
        )
    console.print(table)
    missing = [
        rule.label.en
        for rule in definition.rules
        if by_rule[rule.id]["outcome"] != "pass" and rule.severity == "critical"
    ]
    if missing:
        console.print(f"It would be valid with: {', '.join(missing)}.", highlight=False)
