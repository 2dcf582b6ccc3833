from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from statistics import mean, median, variance

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sandbox.company import Company, build_company, levels, truth
from connectors.sandbox.company.people import LEAVER, STARTER
from connectors.sandbox.company.story import BAD_SOURCE, DEFINITION_TIGHTENED, Story, story
from connectors.sandbox.company.truth import MeetingRow
from connectors.sandbox.company.workdays import Workdays, at_tokyo, tokyo_day

AS_OF = date(2026, 11, 22)
SMALL = 0.05


@pytest.fixture(scope="module")
def company() -> Company:
    return build_company(AS_OF)


@pytest.fixture(scope="module")
def meetings(company: Company) -> list[MeetingRow]:
    return list(truth.meetings(company))


@pytest.fixture(scope="module")
def workdays() -> Workdays:
    return Workdays(AS_OF - timedelta(days=800), AS_OF + timedelta(days=200))


@pytest.fixture(scope="module")
def events() -> Story:
    return story(AS_OF)


def share(rows: Sequence[MeetingRow], is_counted: Callable[[MeetingRow], bool]) -> float:
    return sum(map(is_counted, rows)) / len(rows)


def held_between(rows: Sequence[MeetingRow], first: date, end: date) -> list[MeetingRow]:
    return [row for row in rows if first <= row.held_date < end]


def known_moments(company: Company) -> Iterator[datetime]:
    for contact in company.contacts:
        yield from (contact.created_at, contact.modified_at)
    for call in company.calls:
        yield call.created_at
    for email in company.emails:
        yield email.sent_at
    for meeting in company.meetings:
        yield truth.last_change(meeting)
    for deal in company.deals:
        yield from (change.changed_at for change in deal.stage_changes)
    for row in (*company.contacts, *company.calls, *company.emails, *company.meetings, *company.deals):
        if row.deleted_at is not None:
            yield row.deleted_at


# --- what holds for every company --------------------------------------------------------------------------------------


def test_the_same_day_and_seed_give_the_same_company() -> None:
    first, second = build_company(AS_OF, scale=SMALL), build_company(AS_OF, scale=SMALL)

    assert first == second


def test_another_seed_gives_another_company_with_the_same_people() -> None:
    first, second = build_company(AS_OF, scale=SMALL), build_company(AS_OF, scale=SMALL, seed=21)

    assert first.calls != second.calls
    assert first.reps == second.reps


def test_scale_makes_a_small_company() -> None:
    small = build_company(AS_OF, scale=SMALL)

    assert 2_400 < len(small.calls) + len(small.emails) + len(small.meetings) < 3_600
    assert len(small.reps) == 20


@settings(max_examples=6, deadline=None)
@given(as_of=st.dates(date(2024, 12, 1), date(2028, 3, 1)), seed=st.integers(0, 1_000))
def test_any_day_and_seed_make_a_whole_company(as_of: date, seed: int) -> None:
    company = build_company(as_of, seed=seed, scale=0.02)

    assert all(deal.stage_changes[0].changed_at == deal.created_at for deal in company.deals)
    assert all(meeting.booked_at < meeting.starts_at < meeting.ends_at for meeting in company.meetings)
    assert max(known_moments(company)) < at_tokyo(as_of + timedelta(days=1), 0)
    assert {row.contact_key for row in (*company.calls, *company.emails, *company.meetings)} <= set(
        company.contact_by_key
    )


def test_nothing_is_known_after_as_of_but_meetings_to_come_exist(company: Company, meetings: list[MeetingRow]) -> None:
    end = at_tokyo(AS_OF + timedelta(days=1), 0)

    assert max(known_moments(company)) < end
    assert {row.outcome for row in meetings if row.starts_at >= end} <= {"booked", "cancelled", "rescheduled"}
    assert 60 < sum(row.outcome == "booked" for row in meetings) < 220
    assert all(row.starts_at >= end for row in meetings if row.outcome == "booked")


def test_times_are_whole_seconds_so_that_no_crm_cuts_them(company: Company) -> None:
    moments = [m for row in company.meetings for m in (row.booked_at, row.starts_at, row.feedback_at) if m is not None]
    moments += [change.changed_at for deal in company.deals for change in deal.stage_changes]
    moments += [row.created_at for row in company.contacts] + [row.called_at for row in company.calls]

    assert [moment for moment in moments if moment.microsecond] == []


def test_every_id_is_used_once(company: Company) -> None:
    rows = (*company.reps, *company.companies, *company.contacts)
    ids = [crm_id for row in rows for crm_id in row.crm_ids]
    ids += [crm_id for row in company.contacts for crm_id in (*row.merged_ids, *filter(None, [row.lead_id]))]
    ids += [row.crm_id for row in (*company.calls, *company.emails, *company.deals, *company.notes)]
    ids += [copy.crm_id for meeting in company.meetings for copy in meeting.copies]

    assert [crm_id for crm_id, count in Counter(ids).items() if count > 1] == []


# --- levels and rates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "level", "tolerance"),
    [
        pytest.param("calls", levels.CALLS_PER_MONTH, 0.05, id="calls"),
        pytest.param("emails", levels.EMAILS_PER_MONTH, 0.06, id="emails"),
        pytest.param("booked", levels.BOOKED_PER_MONTH, 0.08, id="meetings booked"),
        pytest.param("deals", levels.DEALS_PER_MONTH, 0.15, id="deals created"),
        pytest.param("won", levels.WON_PER_MONTH, 0.25, id="deals won"),
    ],
)
def test_a_month_has_the_wanted_level(company: Company, name: str, level: int, tolerance: float) -> None:
    year = sum(row[name] for row in truth.monthly(company).values())

    assert year / 12 == pytest.approx(level, rel=tolerance)


def test_average_deal_is_near_its_level(company: Company) -> None:
    amounts = [deal.amount for deal in truth.deals(company) if deal.status == "won" and deal.amount is not None]

    assert mean(amounts) == pytest.approx(levels.AVERAGE_AMOUNT_JPY, rel=0.15)


def test_a_lead_needs_some_forty_days_to_a_win_and_some_need_half_a_year(company: Company) -> None:
    lags = [
        (deal.close_date - tokyo_day(company.contact_by_key[deal.contact_key].created_at)).days
        for deal in truth.deals(company)
        if deal.status == "won" and deal.meeting_key is not None
    ]

    assert 30 <= median(lags) <= 55
    assert sum(lag > 150 for lag in lags) / len(lags) > 0.02


def test_valid_meetings_before_the_bad_source_are_at_their_level(
    meetings: list[MeetingRow], workdays: Workdays, events: Story
) -> None:
    rows = held_between(meetings, DEFINITION_TIGHTENED, events.bad_source_since)
    days = workdays.between(DEFINITION_TIGHTENED, events.bad_source_since - timedelta(days=1))

    per_month = sum(row.is_valid for row in rows) / len(days) * 20.3

    assert 105 < per_month < 145


@pytest.mark.parametrize("name", ["calls", "booked"])
def test_weeks_vary_more_than_by_chance_alone(company: Company, workdays: Workdays, name: str) -> None:
    days = (
        [tokyo_day(call.called_at) for call in company.calls if call.status == "completed"]
        if name == "calls"
        else [tokyo_day(meeting.booked_at) for meeting in company.meetings]
    )
    weeks = Counter(day - timedelta(days=day.weekday()) for day in days)
    whole = [n for monday, n in weeks.items() if len(workdays.between(monday, monday + timedelta(days=4))) == 5]

    assert 1.3 < variance(whole) / mean(whole) < 7


def test_mondays_and_fridays_have_fewer_calls(company: Company) -> None:
    by_weekday: defaultdict[int, Counter[date]] = defaultdict(Counter)
    for call in company.calls:
        if call.status == "completed":
            by_weekday[tokyo_day(call.called_at).weekday()][tokyo_day(call.called_at)] += 1
    level = {weekday: mean(days.values()) for weekday, days in by_weekday.items()}

    assert max(level[0], level[4]) < 0.9 * min(level[1], level[2], level[3])


def test_meetings_are_mostly_held_from_tuesday_to_thursday(meetings: list[MeetingRow]) -> None:
    assert share(meetings, lambda row: row.held_date.weekday() in {1, 2, 3}) > 0.7


def test_wins_crowd_at_the_end_of_a_month(company: Company, workdays: Workdays) -> None:
    closes = [deal.close_date for deal in truth.deals(company) if deal.status == "won"]

    at_end = sum(day in workdays.month_end(day) for day in closes) / len(closes)

    assert at_end > 0.4  # 5 of some 20 days; without rhythm 0.25


def test_nobody_works_on_holidays_or_in_the_company_break(company: Company, workdays: Workdays) -> None:
    days = {tokyo_day(call.called_at) for call in company.calls}
    days |= {tokyo_day(email.sent_at) for email in company.emails if email.direction == "outbound"}
    days |= {tokyo_day(meeting.starts_at) for meeting in company.meetings}
    days |= {tokyo_day(change.changed_at) for deal in company.deals for change in deal.stage_changes}

    assert [day for day in days if not workdays.is_open(day)] == []
    assert date(2026, 2, 11) not in days  # a Wednesday, National Foundation Day
    assert date(2025, 12, 31) not in days
    assert date(2026, 2, 12) in days


def test_some_calls_have_no_result_and_three_in_a_hundred_meetings_no_outcome(
    company: Company, meetings: list[MeetingRow]
) -> None:
    made = [call for call in truth.calls(company) if call.status == "completed"]
    over = [row for row in meetings if row.outcome in {"held", "no_show", "unknown"}]

    assert 0.02 < sum(call.disposition is None for call in made) / len(made) < 0.04
    assert 0.015 < share(over, lambda row: row.outcome == "unknown") < 0.05


def test_feedback_comes_within_six_business_days_of_the_record(meetings: list[MeetingRow], workdays: Workdays) -> None:
    answered = [row for row in meetings if row.feedback_at is not None]
    waits = [workdays.gone(row.held_date, tokyo_day(row.feedback_at)) for row in answered if row.feedback_at]

    assert all(row.outcome == "held" and row.feedback_at and row.feedback_at >= row.ends_at for row in answered)
    assert max(waits) <= 7  # an outcome noted a day late moves it by one
    assert all((row.reject_reason is not None) == (row.feedback == "rejected") for row in meetings)


# --- the story ---------------------------------------------------------------------------------------------------------


def test_decision_makers_are_recorded_since_the_definition_was_tightened(meetings: list[MeetingRow]) -> None:
    held = [row for row in meetings if row.outcome == "held" and row.held_date < AS_OF - timedelta(days=14)]
    before = [row for row in held if row.held_date < DEFINITION_TIGHTENED]
    since = [row for row in held if row.held_date >= DEFINITION_TIGHTENED]

    assert share(before, lambda row: row.decision_maker_present is not None) < 0.12
    assert share(since, lambda row: row.decision_maker_present is not None) > 0.94
    recorded = [row for row in since if row.decision_maker_present is not None]
    assert 0.7 < share(recorded, lambda row: row.decision_maker_present is True) < 0.87


def test_the_bad_source_grows_and_fails(meetings: list[MeetingRow], events: Story) -> None:
    before = held_between(meetings, DEFINITION_TIGHTENED, events.bad_source_since)
    since = held_between(meetings, events.bad_source_since, AS_OF - timedelta(days=10))
    bad_before = [row for row in before if row.lead_source_first == BAD_SOURCE]
    bad_since = [row for row in since if row.lead_source_first == BAD_SOURCE]
    rejected = [row for row in bad_since if row.feedback == "rejected"]

    assert len(bad_since) / len(since) > len(bad_before) / len(before) + 0.03
    assert (
        share(bad_since, lambda row: row.outcome == "held") < share(bad_before, lambda row: row.outcome == "held") - 0.1
    )
    assert share(bad_since, lambda row: row.is_valid) < 0.5 * share(bad_before, lambda row: row.is_valid)
    assert share(rejected, lambda row: row.reject_reason == "wrong_contact") > 0.5


def test_nothing_else_changes_when_the_source_goes_bad(meetings: list[MeetingRow], events: Story) -> None:
    others = [row for row in meetings if row.lead_source_first not in {BAD_SOURCE, None}]
    before = held_between(others, DEFINITION_TIGHTENED, events.bad_source_since)
    since = held_between(others, events.bad_source_since, AS_OF - timedelta(days=10))

    gap = share(since, lambda row: row.is_valid) - share(before, lambda row: row.is_valid)

    assert abs(gap) < 0.09


def test_valid_meetings_fall_by_about_a_quarter(workdays: Workdays, events: Story) -> None:
    falls = []
    for seed in range(20, 24):  # one year's chance is as large as half of the fall
        rows = list(truth.meetings(build_company(AS_OF, seed=seed)))
        periods = (DEFINITION_TIGHTENED, events.bad_source_since), (events.bad_source_since, AS_OF - timedelta(days=10))
        before, since = (
            sum(row.is_valid for row in held_between(rows, first, end))
            / len(workdays.between(first, end - timedelta(days=1)))
            for first, end in periods
        )
        falls.append(1 - since / before)

    assert 0.15 < mean(falls) < 0.32


def test_the_leaver_does_nothing_after_leaving(company: Company, events: Story) -> None:
    last = max(tokyo_day(row.called_at) for row in company.calls if row.rep_email == LEAVER)
    booked = [tokyo_day(row.booked_at) for row in company.meetings if row.booked_by == LEAVER]

    assert max(last, *booked) < events.left_date
    assert last > events.left_date - timedelta(days=10)
    assert not company.rep_by_email[LEAVER].is_active


def test_the_new_rep_ramps_up(company: Company, events: Story) -> None:
    days = [tokyo_day(row.called_at) for row in company.calls if row.rep_email == STARTER and row.status == "completed"]
    first_weeks = sum(day < events.started_date + timedelta(weeks=3) for day in days)
    last_weeks = sum(day > AS_OF - timedelta(weeks=3) for day in days)

    assert min(days) >= events.started_date
    assert last_weeks > 2 * first_weeks > 0


def test_copies_of_one_meeting_can_be_told_by_start_contact_and_booker(company: Company) -> None:
    keys = Counter((meeting.starts_at, meeting.contact_key, meeting.booked_by) for meeting in company.meetings)

    assert keys.most_common(1)[0][1] == 1


def test_some_hubspot_meetings_are_salesforce_events_too(company: Company) -> None:
    hubspot = [meeting for meeting in company.meetings if meeting.copies[0].crm_id.crm == "hubspot"]
    copies = [copy for meeting in hubspot for copy in meeting.copies if copy.reason == "other_crm"]

    assert 0.055 < len(copies) / len(hubspot) < 0.105
    assert 0.2 < sum(not copy.has_uid for copy in copies) / len(copies) < 0.48
    assert 0.15 < sum(not copy.has_feedback for copy in copies) / len(copies) < 0.45


def test_lead_sources_are_missing_or_rewritten_now_and_then(company: Company) -> None:
    total = len(company.contacts)
    missing = sum(contact.lead_source_first is None for contact in company.contacts)
    rewritten = sum(contact.lead_source_first != contact.lead_source for contact in company.contacts)

    assert 0.035 < missing / total < 0.065
    assert 0.04 < rewritten / total < 0.09


def test_deleted_merged_and_converted_records_exist_and_count_once(company: Company) -> None:
    counts = truth.core_counts(company)
    deleted = {
        name: sum(row.deleted_at is not None for row in getattr(company, name))
        for name in ("calls", "meetings", "deals")
    }

    assert min(deleted.values()) >= 2
    assert counts["calls"] == len(company.calls) - deleted["calls"]
    assert counts["meetings"] == len(company.meetings) - deleted["meetings"] < counts["meeting_copies"]
    assert sum(bool(contact.merged_ids) for contact in company.contacts) >= 4
    assert sum(contact.lead_id is not None for contact in company.contacts) > 100
