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
MODELS: tuple[Model, ...] = CORE
