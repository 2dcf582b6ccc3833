"""What happened in the demo company's year, as dates: what the product has to find, and what it is measured against."""

from dataclasses import dataclass
from datetime import date, timedelta

# The agreement's second definition version names this day, so it does not move with as_of.
DEFINITION_TIGHTENED = date(2026, 6, 1)
BAD_SOURCE = "purchased_list"
BAD_SOURCE_WEEKS = 8
STARTER_WEEKS = 10
STARTER_RAMP_BUSINESS_DAYS = 60
LEAVER_DAYS = 122  # four months
YEAR_DAYS = 365

CRM_COPY_SHARE = 0.08  # HubSpot meetings that exist as a Salesforce event, too
UID_MISSING_SHARE = 1 / 3  # of those copies
NO_OUTCOME_SHARE = 0.03  # meetings over that never get an outcome
INVITEE_SHARE = 0.12  # Salesforce meetings with a second field-sales attendee
NO_LEAD_SOURCE_SHARE = 0.05
SOURCE_REWRITTEN_SHARE = 0.07  # contacts whose lead source was overwritten later


@dataclass(frozen=True, slots=True)
class Story:
    """The dated events of one company; days are Tokyo's."""

    as_of: date
    first_day: date  # of the year of activity
    definition_tightened: date  # from here on decision makers are recorded
    bad_source_since: date  # meetings with contacts of BAD_SOURCE held from here on are poor
    left_date: date  # day after the leaver's last
    started_date: date  # the new rep's first day


def story(as_of: date) -> Story:
    """Lay the events out before `as_of`.

    >>> story(date(2026, 11, 22)).bad_source_since
    datetime.date(2026, 9, 27)
    """
    return Story(
        as_of=as_of,
        first_day=as_of - timedelta(days=YEAR_DAYS - 1),
        definition_tightened=DEFINITION_TIGHTENED,
        bad_source_since=as_of - timedelta(weeks=BAD_SOURCE_WEEKS),
        left_date=as_of - timedelta(days=LEAVER_DAYS),
        started_date=as_of - timedelta(weeks=STARTER_WEEKS),
    )
