"""How were leads handled, where did they come from, why not, and what came of it? One row per period, scope, kind and code.

Each figure counts on its own day: a meeting booked in March and won in June is in both months. Texts are not here: they are in
core.notes, and leave the warehouse only when the agreement lets them.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CTE, ColumnElement, Date, FromClause, Select, and_, cast, func, literal, null, select, union_all

from definitions_contract.schema import PeriodKind
from models.context import BuildContext, Model
from models.expressions import or_unknown
from models.kpi.periods import PERIOD_STARTS, days_of_periods, shown_periods
from models.kpi.teams import is_team_on
from models.tables import (
    MONEY,
    calendar,
    contacts,
    deals,
    links,
    meeting_verdicts,
    meetings,
    notes,
    qualitative,
    rep_teams,
)

KINDS: Mapping[str, tuple[str, ...]] = {  # what is recorded on which events
    "response_method": ("meetings", "deals", "notes"),
    "lead_source": ("meetings", "deals", "notes"),
    "reject_reason": ("meetings", "notes"),
    "lost_reason": ("deals", "notes"),
}
COUNTS = ("booked", "held", "valid", "rejected", "deals", "won", "lost", "notes")
PERIODS = (PeriodKind.MONTH, PeriodKind.QUARTER)
CODES = tuple(KINDS)


def build_qualitative(context: BuildContext) -> Select[Any]:
    """Count what happened per code over the shown months and quarters, for reps, teams and departments."""
    happened = union_all(*_meeting_events(), *_deal_events(), _note_events()).cte("happened")
    daily = _daily_by_scope(happened, context)
    shown = shown_periods(days_of_periods(), as_of=context.as_of)
    by_period = [_in_periods(daily, shown, kind) for kind in PERIODS]
    return select(
        *(column for column in union_all(*by_period).subquery("by_period").c), cast(context.as_of, Date).label("as_of")
    )


def _in_periods(daily: CTE, shown: CTE, kind: PeriodKind) -> Select[Any]:
    keys = [daily.c[name] for name in ("scope_kind", "scope_id", "kind", "code")]
    is_shown = and_(shown.c.period_kind == kind.value, shown.c.period_start == PERIOD_STARTS[kind])
    sums = [func.sum(daily.c[name]).label(name) for name in COUNTS]
    return (
        select(
            shown.c.period_kind,
            shown.c.period_start,
            shown.c.period_end,
            *keys,
            *sums,
            cast(func.sum(daily.c.won_amount), MONEY).label("won_amount"),
        )
        .join_from(daily, calendar, calendar.c.day == daily.c.day)
        .join(shown, is_shown)
        .group_by(shown.c.period_kind, shown.c.period_start, shown.c.period_end, *keys)
    )


def _daily_by_scope(happened: CTE, context: BuildContext) -> CTE:
    """Turn the codes of an event into rows, and give each to its rep, team and department."""
    scopes = {
        "rep": or_unknown(happened.c.rep_id),
        "team": or_unknown(rep_teams.c.team),
        "department": or_unknown(rep_teams.c.department),
    }
    by_code = [
        _codes_of(happened, kind, scope_kind, scope, context) for kind in KINDS for scope_kind, scope in scopes.items()
    ]
    return union_all(*by_code).cte("daily_by_scope")


def _codes_of(
    happened: CTE, kind: str, scope_kind: str, scope: ColumnElement[Any], context: BuildContext
) -> Select[Any]:
    code = happened.c[kind]
    is_asked = and_(happened.c.source.in_(KINDS[kind]), code.is_not(None), happened.c.day <= context.as_of)
    keys = [scope.label("scope_id"), happened.c.day, code.label("code")]
    return (
        select(
            literal(scope_kind).label("scope_kind"),
            literal(kind).label("kind"),
            *keys,
            *(func.sum(happened.c[name]).label(name) for name in (*COUNTS, "won_amount")),
        )
        .join_from(happened, rep_teams, is_team_on(happened.c.rep_id, happened.c.day), isouter=True)
        .where(is_asked)
        .group_by(*keys)
    )


# --- what happened: one row per event and figure, with every code that was recorded on it -----------------------------


def _event(
    source: str, rep_id: ColumnElement[Any], day: ColumnElement[Any], figure: str, codes: Mapping[str, Any]
) -> tuple[ColumnElement[Any], ...]:
    return (
        literal(source).label("source"),
        rep_id.label("rep_id"),
        day.label("day"),
        *(codes.get(kind, cast(null(), qualitative.c.code.type)).label(kind) for kind in CODES),
        *(literal(int(name == figure)).label(name) for name in COUNTS),
    )


def _meeting_events() -> list[Select[Any]]:
    is_held = meetings.c.outcome == "held"
    is_rejected = and_(is_held, meetings.c.field_sales_feedback == "rejected")
    codes = {
        "response_method": or_unknown(meetings.c.response_method),
        "lead_source": or_unknown(meetings.c.lead_source),
        "reject_reason": meetings.c.reject_reason,
    }
    nothing = cast(null(), MONEY).label("won_amount")

    def happened(figure: str, day: ColumnElement[Any], **more: Any) -> Select[Any]:
        return select(*_event("meetings", meetings.c.rep_id, day, figure, codes | more), nothing)

    judged = happened("valid", meetings.c.held_date).join_from(
        meetings, meeting_verdicts, meeting_verdicts.c.meeting_id == meetings.c.meeting_id
    )
    # a rejection without a reason is counted as unknown; a meeting that nobody rejected has no reason to count
    rejected = happened("rejected", meetings.c.held_date, reject_reason=or_unknown(meetings.c.reject_reason))
    return [
        happened("booked", meetings.c.booked_date),
        happened("held", meetings.c.held_date).where(is_held),
        judged.where(meeting_verdicts.c.verdict == "valid"),
        rejected.where(is_rejected),
    ]


def _deal_events() -> list[Select[Any]]:
    codes = {"response_method": or_unknown(deals.c.response_method), "lead_source": or_unknown(deals.c.lead_source)}

    def happened(figure: str, day: ColumnElement[Any], **more: Any) -> Select[Any]:
        amount = deals.c.agreed_amount if figure == "won" else cast(null(), MONEY)
        return select(*_event("deals", deals.c.rep_id, day, figure, codes | more), amount.label("won_amount"))

    lost = happened("lost", deals.c.close_date, lost_reason=or_unknown(deals.c.lost_reason))
    return [
        happened("deals", deals.c.created_date, lost_reason=deals.c.lost_reason),
        happened("won", deals.c.close_date).where(deals.c.status == "won"),
        lost.where(deals.c.status == "lost"),
    ]


def _note_events() -> Select[Any]:
    """A note counts with its person's lead source, and with the codes of that person's newest meeting and deal."""
    linked = (
        select(links.c.from_id.label("note_id"), func.min(links.c.to_id).label("contact_id"))
        .where(links.c.from_kind == "note", links.c.to_kind == "contact")
        .group_by(links.c.from_id)
        .cte("noted_contacts")
    )
    meeting = _newest(meetings, meetings.c.booked_at, ("response_method", "reject_reason"), "newest_meetings")
    deal = _newest(deals, deals.c.created_at, ("lost_reason",), "newest_deals")
    codes = {
        "response_method": or_unknown(meeting.c.response_method),
        "lead_source": or_unknown(contacts.c.lead_source),
        "reject_reason": meeting.c.reject_reason,
        "lost_reason": deal.c.lost_reason,
    }
    return (
        select(
            *_event("notes", notes.c.rep_id, notes.c.written_date, "notes", codes),
            cast(null(), MONEY).label("won_amount"),
        )
        .select_from(notes)
        .outerjoin(linked, linked.c.note_id == notes.c.note_id)
        .outerjoin(contacts, contacts.c.contact_id == linked.c.contact_id)
        .outerjoin(meeting, meeting.c.contact_id == linked.c.contact_id)
        .outerjoin(deal, deal.c.contact_id == linked.c.contact_id)
    )


def _newest(event: FromClause, moment: ColumnElement[Any], names: tuple[str, ...], name: str) -> CTE:
    # arg_max skips rows without a value: the newest code that was recorded
    return (
        select(
            event.c.contact_id,
            *(func.arg_max(event.c[one], moment, type_=event.c[one].type).label(one) for one in names),
        )
        .where(event.c.contact_id.is_not(None))
        .group_by(event.c.contact_id)
        .cte(name)
    )


MODEL = Model(
    table=qualitative,
    reads=(meetings, meeting_verdicts, deals, notes, links, contacts, rep_teams, calendar),
    statement=build_qualitative,
    group="kpi",
)
