# ruff: noqa: E501, S608 - statements of our own words, one condition a line where they are long
"""The plainest hand-written DuckDB SQL for the same numbers: one connection, no merges, no copies, KPIs and rules written out.

It answers the same questions on the benchmark's company, and the benchmark checks that it gives the same counts. What it leaves out
(merges, copies in other CRMs, versions, evidence by rule) is what the project's tables are for.
"""

TABLES = (
    """CREATE TABLE p_contacts AS SELECT c.crm_id, coalesce(lead_source_first, lead_source) AS lead_source_first, lead_source,
        company_crm_id, o.industry, CASE WHEN employee_count >= 1000 THEN '1000+' WHEN employee_count >= 300 THEN '300-999'
        WHEN employee_count >= 50 THEN '50-299' WHEN employee_count >= 1 THEN '1-49' ELSE 'unknown' END AS company_size
        FROM raw.contacts c LEFT JOIN raw.companies o ON o.crm_id = c.company_crm_id""",
    """CREATE TABLE p_links AS SELECT from_kind, from_crm_id, to_kind, min(to_crm_id) AS to_crm_id FROM raw.links GROUP BY ALL
        HAVING true""",
    """CREATE TABLE p_calls AS SELECT 'hubspot:' || a.crm_id AS call_id, 'https://crm.example/calls/' || a.crm_id AS crm_url, 'hubspot:' || owner_crm_id AS rep_id,
        l.to_crm_id AS contact_id, k.company_crm_id AS company_id, coalesce(k.lead_source_first, 'unknown') AS lead_source_first,
        coalesce(k.lead_source, 'unknown') AS lead_source, coalesce(response_method, 'unknown') AS response_method,
        coalesce(industry, 'unknown') AS industry, coalesce(company_size, 'unknown') AS company_size, direction,
        coalesce(disposition, 'unknown') AS disposition, status, duration_seconds,
        CAST(timezone('Asia/Tokyo', called_at) AS DATE) AS called_date, called_at
        FROM raw.calls a LEFT JOIN p_links l ON l.from_kind = 'call' AND l.from_crm_id = a.crm_id AND l.to_kind = 'contact'
        LEFT JOIN p_contacts k ON k.crm_id = l.to_crm_id""",
    """CREATE TABLE p_emails AS SELECT 'hubspot:' || a.crm_id AS email_id, 'https://crm.example/emails/' || a.crm_id AS crm_url, 'hubspot:' || owner_crm_id AS rep_id,
        l.to_crm_id AS contact_id, k.company_crm_id AS company_id, coalesce(k.lead_source_first, 'unknown') AS lead_source_first,
        coalesce(k.lead_source, 'unknown') AS lead_source, coalesce(response_method, 'unknown') AS response_method,
        coalesce(industry, 'unknown') AS industry, coalesce(company_size, 'unknown') AS company_size, direction, status,
        status = 'sent' AS is_delivered, coalesce(open_count, 0) > 0 AS is_opened, open_count > bot_open_count AS is_opened_by_person,
        coalesce(reply_count, 0) > 0 AS is_replied, CAST(timezone('Asia/Tokyo', sent_at) AS DATE) AS sent_date, sent_at
        FROM raw.emails a LEFT JOIN p_links l ON l.from_kind = 'email' AND l.from_crm_id = a.crm_id AND l.to_kind = 'contact'
        LEFT JOIN p_contacts k ON k.crm_id = l.to_crm_id""",
    """CREATE TABLE p_meetings AS SELECT 'hubspot:' || m.crm_id AS meeting_id, 'https://crm.example/meetings/' || m.crm_id AS crm_url,
        'hubspot:' || booked_by_crm_id AS rep_id, l.to_crm_id AS contact_id, d.to_crm_id AS deal_id,
        coalesce(k.lead_source_first, 'unknown') AS lead_source_first, coalesce(k.lead_source, 'unknown') AS lead_source,
        coalesce(response_method, 'unknown') AS response_method, coalesce(industry, 'unknown') AS industry,
        coalesce(company_size, 'unknown') AS company_size, outcome, field_sales_feedback, decision_maker_present,
        date_diff('minute', starts_at, ends_at) AS minutes, CAST(timezone('Asia/Tokyo', booked_at) AS DATE) AS booked_date,
        CAST(timezone('Asia/Tokyo', starts_at) AS DATE) AS held_date
        FROM raw.meetings m LEFT JOIN p_links l ON l.from_kind = 'meeting' AND l.from_crm_id = m.crm_id AND l.to_kind = 'contact'
        LEFT JOIN p_links d ON d.from_kind = 'meeting' AND d.from_crm_id = m.crm_id AND d.to_kind = 'deal'
        LEFT JOIN p_contacts k ON k.crm_id = l.to_crm_id""",
    """CREATE TABLE p_deals AS SELECT 'hubspot:' || x.crm_id AS deal_id, 'https://crm.example/deals/' || x.crm_id AS crm_url,
        'hubspot:' || m.booked_by_crm_id AS rep_id, coalesce(k.lead_source_first, 'unknown') AS lead_source_first,
        coalesce(k.lead_source, 'unknown') AS lead_source, coalesce(m.response_method, 'unknown') AS response_method,
        coalesce(industry, 'unknown') AS industry, coalesce(company_size, 'unknown') AS company_size, stage AS status, lost_reason,
        CASE currency WHEN 'USD' THEN amount * 150 ELSE amount END AS agreed_amount,
        CAST(timezone('Asia/Tokyo', x.created_at) AS DATE) AS created_date, close_date,
        close_date - CAST(timezone('Asia/Tokyo', x.created_at) AS DATE) AS cycle_days
        FROM raw.deals x LEFT JOIN p_links l ON l.from_kind = 'deal' AND l.from_crm_id = x.crm_id AND l.to_kind = 'contact'
        LEFT JOIN p_contacts k ON k.crm_id = l.to_crm_id
        LEFT JOIN raw.links b ON b.from_kind = 'meeting' AND b.to_kind = 'deal' AND b.to_crm_id = x.crm_id
        LEFT JOIN raw.meetings m ON m.crm_id = b.from_crm_id""",
    """CREATE TABLE p_core_links AS SELECT DISTINCT from_kind, 'hubspot:' || from_crm_id AS from_id, to_kind,
        'hubspot:' || to_crm_id AS to_id, role FROM raw.links""",
    """CREATE TABLE p_teams AS SELECT 'hubspot:' || crm_id AS rep_id, crm_team AS team,
        CASE crm_team WHEN 'Field Sales' THEN 'field_sales' ELSE 'inside_sales' END AS department FROM raw.users""",
    """CREATE TABLE p_verdicts AS SELECT *, CASE WHEN outcome = 'held' AND minutes >= 15 AND field_sales_feedback = 'accepted'
        AND (held_date < DATE '2026-06-01' OR decision_maker_present) THEN 'valid' ELSE 'invalid' END AS verdict,
        CASE WHEN held_date < DATE '2026-06-01' THEN 1 ELSE 2 END AS version FROM p_meetings""",
)
KEYS = "lead_source_first, lead_source, response_method, industry, company_size"


def _fact(
    kpi: str, table: str, day: str, above: str, below: str = "NULL", version: str = "NULL", where: str = "true"
) -> str:
    return f"""SELECT '{kpi}' AS kpi_id, {day} AS counted_date, rep_id, team, department, {KEYS}, {version} AS definition_version,
        {above} AS numerator, {below} AS denominator FROM {table} LEFT JOIN p_teams USING (rep_id)
        WHERE {day} <= $as_of AND ({where}) GROUP BY ALL"""


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


OUT = "direction = 'outbound' AND status = 'completed'"
SENT = "direction = 'outbound' AND is_delivered"
WON, DECIDED = "status = 'won' AND close_date <= $as_of", "status IN ('won', 'lost')"
MEETINGS_WON = f"""(SELECT v.*, d.deal_id IS NOT NULL AS is_won FROM p_verdicts v
        LEFT JOIN p_deals d ON d.deal_id = 'hubspot:' || v.deal_id AND {WON})"""
FACTS = (
    _fact("calls_made", "p_calls", "called_date", "count(*)", where=OUT),
    _fact("connect_rate", "p_calls", "called_date", _count("disposition = 'connected'"), "count(*)", where=f"{OUT} AND disposition <> 'unknown'"),
    _fact("email_open_rate", "p_emails", "sent_date", _count("is_opened"), "count(*)", where=SENT),
    _fact("email_open_rate_by_person", "p_emails", "sent_date", _count("is_opened_by_person"), "count(*)", where=SENT),
    _fact("reply_rate", "p_emails", "sent_date", _count("is_replied"), "count(*)", where=SENT),
    _fact("meetings_booked", "p_meetings", "booked_date", "count(*)"),
    _fact("meetings_held", "p_meetings", "held_date", "count(*)", where="outcome = 'held'"),
    _fact("valid_meetings", "p_verdicts", "held_date", "count(*)", version="version", where="verdict = 'valid'"),
    _fact("valid_rate", "p_verdicts", "held_date", _count("verdict = 'valid'"), "count(*)", "version", "outcome = 'held'"),
    _fact("field_sales_acceptance", "p_meetings", "held_date", _count("field_sales_feedback = 'accepted'"), "count(*)", where="outcome = 'held' AND field_sales_feedback IN ('accepted', 'rejected')"),
    _fact("no_show_rate", "p_meetings", "held_date", _count("outcome = 'no_show'"), "count(*)", where="outcome IN ('held', 'no_show')"),
    _fact("meeting_to_won", MEETINGS_WON, "held_date", _count("is_won"), "count(*)", "version", "verdict = 'valid'"),
    _fact("deals_won", "p_deals", "close_date", "count(*)", where=WON),
    _fact("won_amount", "p_deals", "close_date", "sum(agreed_amount)", where=WON),
    _fact("win_rate_by_close_date", "p_deals", "close_date", _count(WON), "count(*)", where=DECIDED),
    _fact("win_rate_by_cohort", "p_deals", "created_date", _count(WON), "count(*)"),
    _fact("average_deal", "p_deals", "close_date", "sum(agreed_amount)", "count(*)", where=WON),
    _fact("sales_cycle_days", "p_deals", "close_date", "sum(cycle_days)", "count(*)", where=WON),
)  # fmt: skip
KPI_DAILY = "CREATE TABLE p_kpi_daily AS " + " UNION ALL ".join(f"({fact})" for fact in FACTS)
PERIODS = " UNION ALL ".join(
    f"""(SELECT kpi_id, '{kind}' AS period_kind, {start} AS period_start, '{scope}' AS scope_kind, {scope} AS scope_id,
        sum(numerator) AS numerator, sum(denominator) AS denominator, sum(numerator) / nullif(sum(denominator), 0) AS value
        FROM p_kpi_daily GROUP BY ALL)"""
    for kind, start in (
        ("week", "date_trunc('week', counted_date)"),
        ("month", "date_trunc('month', counted_date)"),
        ("quarter", "date_trunc('quarter', counted_date)"),
        ("fiscal_year", "date_trunc('year', counted_date - INTERVAL 3 MONTH)"),
    )
    for scope in ("rep_id", "team", "department")
)
KPI_PERIODS = f"CREATE TABLE p_kpi_periods AS {PERIODS}"


def statements(as_of: str) -> dict[str, str]:
    """Give the statements by the table that each makes, in order."""
    named = {statement.split()[2]: statement for statement in (*TABLES, KPI_DAILY, KPI_PERIODS)}
    return {name: statement.replace("$as_of", f"DATE '{as_of}'") for name, statement in named.items()}
