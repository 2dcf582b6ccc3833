"""How much happens a month, and at which rates: the demo company's levels. Shares are of the thing before them in the funnel."""

# --- a month of the whole department ---------------------------------------------------------------------------------
CALLS_PER_MONTH = 2_900
EMAILS_PER_MONTH = 1_650
BOOKED_PER_MONTH = 280
DEALS_PER_MONTH = 75
WON_PER_MONTH = 16
AVERAGE_AMOUNT_JPY = 1_800_000
COMPANIES = 1_500  # records over both CRMs
CONTACTS = 6_000  # records over both CRMs, leads included
NOTES_PER_YEAR = 420

# --- spread of one week's count around its level, beyond chance (coefficient of variation) ----------------------------
# variance / mean of a week = 1 + spread^2 x mean: 2 to 3 for 670 calls, 380 e-mails, 65 bookings
CALL_SPREAD = 0.05
EMAIL_SPREAD = 0.06
BOOKING_SPREAD = 0.14
SKILL_SPREAD = 0.06  # true differences between reps; the rest of what one sees is chance

# --- rhythm: Monday to Friday, the last days of a month and of a fiscal quarter (Japan: from April) --------------------
CALL_WEEKDAYS = (0.85, 1.08, 1.12, 1.07, 0.88)
BOOKING_WEEKDAYS = (0.92, 1.06, 1.06, 1.04, 0.92)
HELD_WEEKDAYS = (0.35, 1.0, 1.05, 1.0, 0.4)
MONTH_END_DAYS = 5
MONTH_END_FACTOR = 1.15
QUARTER_END_DAYS = 10
QUARTER_END_FACTOR = 1.06
CLOSE_AT_MONTH_END = 0.35  # deals that are pulled or pushed to the last days of their month
CLOSE_AT_QUARTER_END = 0.55

# --- calls -------------------------------------------------------------------------------------------------------------
DISPOSITIONS: dict[str | None, float] = {
    "connected": 0.22,  # of the calls that did not lead to a booking; those that did are connected
    "left_message": 0.15,
    "no_answer": 0.48,
    "busy": 0.09,
    "wrong_number": 0.03,
    None: 0.03,  # never logged
}
INBOUND_CALL_SHARE = 0.04
CANCELLED_CALL_SHARE = 0.005
PLANNED_CALLS_PER_REP = 4  # still to be made after as_of
METHOD_RECORDED_SHARE = 0.92

# --- e-mails -------------------------------------------------------------------------------------------------------------
INBOUND_EMAIL_SHARE = 0.07
BOUNCED_SHARE = 0.025
FAILED_SHARE = 0.004
OPENED_BY_PERSON_SHARE = 0.34
OPENED_BY_BOT_SHARE = 0.28  # mail privacy proxies and link scanners
REPLIED_SHARE = 0.075

# --- meetings -----------------------------------------------------------------------------------------------------------
NEW_CONTACT_SHARE = 0.72  # bookings with somebody never met before
LEAD_BUSINESS_DAYS = (3, 15)
RESCHEDULED_BUSINESS_DAYS = (1, 8)  # later than first agreed
MINUTES: dict[int, float] = {10: 0.015, 15: 0.035, 30: 0.45, 45: 0.15, 60: 0.35}
METHODS = {"call": 0.55, "email": 0.2, "form_reply": 0.15, "event_follow_up": 0.1}
OUTCOMES = {"held": 0.765, "no_show": 0.09, "cancelled": 0.08, "rescheduled": 0.065}
BAD_OUTCOMES = {"held": 0.49, "no_show": 0.33, "cancelled": 0.13, "rescheduled": 0.05}
ACCEPTED_SHARE = 0.755
BAD_ACCEPTED_SHARE = 0.34
NO_FEEDBACK_SHARE = 0.02
FEEDBACK_BUSINESS_DAYS: dict[int, float] = {0: 0.2, 1: 0.31, 2: 0.21, 3: 0.13, 4: 0.08, 5: 0.05, 6: 0.02}
DECISION_MAKER_IF_ACCEPTED = 0.84  # together with the next about 80 % of the held meetings
DECISION_MAKER_IF_REJECTED = 0.68
BAD_DECISION_MAKER_SHARE = 0.5
DECISION_MAKER_RECORDED_BEFORE = 0.06
DECISION_MAKER_RECORDED_SINCE = 0.97
REJECT_REASONS = {"no_need": 0.3, "bad_timing": 0.25, "no_budget": 0.2, "no_authority": 0.15, "wrong_contact": 0.1}
BAD_REJECT_REASONS = {
    "no_need": 0.1,
    "bad_timing": 0.05,
    "no_budget": 0.06,
    "no_authority": 0.07,
    "wrong_contact": 0.72,
}

# --- lead sources: share of the bookings -----------------------------------------------------------------------------
SOURCES = {
    "web_form": 0.22,
    "webinar": 0.16,
    "trade_show": 0.13,
    "referral": 0.1,
    "purchased_list": 0.27,
    "partner": 0.12,
}
BAD_SOURCE_PUSH = 1.45  # bookings from the bad list once it is bad, against before
OTHER_SOURCES_THEN = 0.94  # hours that the list eats

# --- deals -----------------------------------------------------------------------------------------------------------
DEAL_IF_ACCEPTED = 0.56
WON_SHARE = 0.225  # of the deals created
DEAL_LAG_DAYS = (0, 10)  # from the held meeting
WON_MEDIAN_DAYS = 10.0
WON_SPREAD = 1.2  # sigma of the logarithm: a long tail
LOST_MEDIAN_DAYS = 32.0
LOST_SPREAD = 0.9
LEAD_TO_BOOKING_MEDIAN_DAYS = 3.0
LEAD_TO_BOOKING_SPREAD = 1.7
AMOUNT_SPREAD = 0.6
NO_AMOUNT_SHARE = 0.06  # open deals without an amount yet
LOST_REASONS = {"price": 0.28, "competitor": 0.24, "no_decision": 0.26, "timing": 0.14, "missing_feature": 0.08}
