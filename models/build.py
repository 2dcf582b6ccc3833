"""In which order are the tables built? Every model, each after those that it reads."""

from models.context import Model
from models.core import (
    calendar,
    calls,
    companies,
    contacts,
    deal_stage_changes,
    deals,
    emails,
    links,
    meeting_copies,
    meetings,
    notes,
    rep_identities,
    rep_teams,
    reps,
)
from models.kpi import (
    alerts,
    causes,
    divergence,
    kpi_daily,
    kpi_periods,
    meeting_rule_results,
    meeting_verdicts,
    pace_weights,
    phase_status,
    phase_tables,
    plan,
    snapshots,
    targets,
)
from models.ops import data_checks

CORE: tuple[Model, ...] = (
    calendar.MODEL,
    rep_identities.MODEL,
    rep_teams.MODEL,
    reps.MODEL,
    companies.MODEL,
    contacts.MODEL,
    meeting_copies.MODEL,
    links.MODEL,
    calls.MODEL,
    emails.MODEL,
    notes.MODEL,
    meetings.MODEL,
    deals.MODEL,
    deal_stage_changes.MODEL,
)
KPI: tuple[Model, ...] = (
    meeting_rule_results.MODEL,
    meeting_verdicts.MODEL,
    kpi_daily.MODEL,
    data_checks.MODEL,
    targets.MODEL,
    pace_weights.MODEL,
    divergence.MODEL,
    kpi_periods.MODEL,
    *phase_tables.MODELS,
    snapshots.MODEL,
    causes.MODEL,
    alerts.MODEL,
    plan.MODEL,
    phase_status.MODEL,
)
MODELS: tuple[Model, ...] = CORE + KPI
