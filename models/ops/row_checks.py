"""Checks of single records: each is a rule in the agreement's language over some rows, so that two engines can ask it.

models/ops/data_checks.py runs them as SQL every night, pipelines/data_expectations.py by Great Expectations on the same rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from definitions_contract.expectations import TO_BE_NULL
from definitions_contract.schema import Label, Rule, RuleOutcome
from models.context import BuildContext
from models.duckdb import local_date
from models.kpi.judged_records import deadline_name, deadlines
from models.kpi.rules import rule_columns
from models.ops.likely_twice import companies_twice, deals_twice, meetings_twice, people_twice
from models.ops.volumes import volumes
from models.tables import (
    calls,
    companies,
    contacts,
    deals,
    emails,
    meeting_verdicts,
    meetings,
    raw_deals,
)

LOGGING_DAYS = 2  # business days in which reps fill in how a meeting went
CALL_DAYS = 30  # older calls will not get a disposition any more: nobody remembers them
KEY = "record_id"
SHOWN = "shown"

NOT_IN_SET = "expect_column_values_to_not_be_in_set"
NOT_NULL = "expect_column_values_to_not_be_null"
CONDITION = "expect_sql_condition_to_hold"


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A rule over rows. `rows` gives KEY, SHOWN (what a reader is told of a row that fails) and the columns that the rule asks."""

    sentence: str
    rule: Rule
    rows: Callable[[BuildContext], sa.Select[Any]]
    after: sa.Table  # the table that it looks at; Dagster shows it there
    severity: str = "warning"

    @property
    def name(self) -> str:
        """Name of the check: its rule's."""
        return self.rule.id

    def failing(self, context: BuildContext) -> sa.Subquery:
        """Give the rows that fail: KEY and SHOWN."""
        rows = self.rows(context).subquery("rows")
        never = sa.literal(date.min, sa.Date())
        outcome = rule_columns(self.rule, rows, deadline=never, as_of=context.as_of).outcome
        return sa.select(rows.c[KEY], rows.c[SHOWN]).where(outcome != RuleOutcome.PASS.value).subquery("failing")


def _rule(name: str, expectation: str, kwargs: Mapping[str, Any], **more: Any) -> Rule:
    return Rule(id=name, label=Label(ja=name, en=name), expectation=expectation, kwargs=kwargs, **more)


def _rows(key: sa.ColumnElement[Any], *asked: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return sa.select(key.label(KEY), key.label(SHOWN), *asked)


def _calls(context: BuildContext) -> sa.Select[Any]:
    return _rows(calls.c.call_id, calls.c.disposition).where(
        calls.c.status == "completed",
        calls.c.called_date > context.as_of - timedelta(days=CALL_DAYS),
        calls.c.called_date <= context.as_of,
    )


def _meetings_over(context: BuildContext) -> sa.Select[Any]:
    """Meetings whose outcome is due: the business days to fill it in are over since their end."""
    due = deadlines((LOGGING_DAYS,))
    ended = sa.func.coalesce(
        local_date(meetings.c.ends_at, context.agreement.team.zone), meetings.c.held_date, type_=sa.Date()
    )
    return (
        _rows(meetings.c.meeting_id, meetings.c.outcome)
        .join_from(meetings, due, due.c.day == ended)
        .where(due.c[deadline_name(LOGGING_DAYS)] < context.as_of)
    )


def _past_verdicts(context: BuildContext) -> sa.Select[Any]:
    verdict = meeting_verdicts.c
    return _rows(verdict.meeting_id, verdict.definition_version).where(verdict.counted_date <= context.as_of)


def _deals(_context: BuildContext) -> sa.Select[Any]:
    return _rows(deals.c.deal_id, deals.c.lead_source)


def _won_deals(_context: BuildContext) -> sa.Select[Any]:
    """Deals that won_amount leaves out: no rate of their currency holds on their close day."""
    return _rows(deals.c.deal_id, deals.c.agreed_amount).where(deals.c.status == "won", deals.c.amount.is_not(None))


def _won_amounts(_context: BuildContext) -> sa.Select[Any]:
    return _rows(deals.c.deal_id, deals.c.amount).where(deals.c.status == "won")


def _won_currencies(_context: BuildContext) -> sa.Select[Any]:
    """Won amounts of connections in which some deal names its currency: one without counts in the agreed currency."""
    names_one = sa.select(raw_deals.c.connection).where(raw_deals.c.currency.is_not(None), ~raw_deals.c.is_deleted)
    same = sa.and_(raw_deals.c.connection == deals.c.connection, raw_deals.c.crm_id == deals.c.crm_id)
    return (
        _rows(deals.c.deal_id, raw_deals.c.currency)
        .join_from(deals, raw_deals, same)
        .where(deals.c.status == "won", deals.c.amount.is_not(None), deals.c.connection.in_(names_one))
    )


def _emails(_context: BuildContext) -> sa.Select[Any]:
    return _rows(emails.c.email_id, emails.c.rep_id)


ROW_CHECKS = (
    RowCheck(
        "{count} meetings lie before the first signed version and are not judged",
        _rule("every_meeting_has_a_version", NOT_NULL, {"column": "definition_version"}),
        _past_verdicts,
        meeting_verdicts,
    ),
    RowCheck(
        f"{{count}} completed calls of the last {CALL_DAYS} days have no disposition",
        _rule("calls_have_a_disposition", NOT_IN_SET, {"column": "disposition", "value_set": ["unknown"]}),
        _calls,
        calls,
    ),
    RowCheck(
        f"{{count}} meetings have no outcome {LOGGING_DAYS} business days after their end",
        _rule("meetings_have_an_outcome", NOT_IN_SET, {"column": "outcome", "value_set": ["unknown", "booked"]}),
        _meetings_over,
        meetings,
    ),
    RowCheck(
        "{count} deals have no lead source",
        _rule("deals_have_a_source", NOT_IN_SET, {"column": "lead_source", "value_set": ["unknown"]}),
        _deals,
        deals,
    ),
    RowCheck(
        "{count} won deals are in no amount: no rate of their currency holds on their close day (exchange_rates in team.yaml)",
        _rule("won_deals_have_a_rate", NOT_NULL, {"column": "agreed_amount"}),
        _won_deals,
        deals,
    ),
    RowCheck(
        "{count} won deals have no amount: they are counted, and add nothing to the amount",
        _rule("won_deals_have_an_amount", NOT_NULL, {"column": "amount"}),
        _won_amounts,
        deals,
    ),
    RowCheck(
        "{count} won deals name no currency, where others of their CRM do: their amounts are taken for the agreed currency's",
        _rule("won_deals_name_a_currency", NOT_NULL, {"column": "currency"}),
        _won_currencies,
        deals,
    ),
    RowCheck(
        "{count} e-mails belong to no known rep",
        _rule("emails_have_a_rep", NOT_NULL, {"column": "rep_id"}),
        _emails,
        emails,
    ),
    RowCheck(
        "{count} people are likely there twice: one connection has another with the same e-mail, or name and phone",
        _rule("people_are_there_once", TO_BE_NULL, {"column": "same_as"}),
        lambda _context: people_twice(),
        contacts,
    ),
    RowCheck(
        "{count} companies are likely there twice: one connection has another with the same domain, or name and no domain",
        _rule("companies_are_there_once", TO_BE_NULL, {"column": "same_as"}),
        lambda _context: companies_twice(),
        companies,
    ),
    RowCheck(
        "{count} deals are likely there twice: another has the same name, amount and close day",
        _rule("deals_are_there_once", TO_BE_NULL, {"column": "same_as"}),
        lambda _context: deals_twice(),
        deals,
    ),
    RowCheck(
        "{count} meetings are likely there twice: another begins in the same minute with the same person",
        _rule("meetings_are_there_once", TO_BE_NULL, {"column": "same_as"}),
        lambda _context: meetings_twice(),
        meetings,
    ),
    RowCheck(
        "{count} counts of the day are far from those of the same weekday",
        _rule(
            "volumes_are_usual",
            CONDITION,
            {"condition": "record_count between usual_low and usual_high"},
            missing="passes",  # too few days to know what is usual
        ),
        volumes,
        calls,
    ),
)
