# ruff: noqa: E501, S608 - statements of our own words, one condition a line where they are long
"""A synthetic company of a given size, written by SQL straight into `raw`: half calls, half e-mails, a meeting for 20 of them."""

import sqlalchemy as sa

DAYS = 730
USERS = 60
STATEMENTS = (
    # users, companies, contacts
    f"""INSERT INTO raw.users BY NAME SELECT 'hubspot' AS connection, 'owners' AS object, 'u' || i AS crm_id, 'User ' || i AS name,
        'u' || i || '@demo-company.example' AS email, true AS is_active, 'person' AS kind,
        CASE i % 3 WHEN 0 THEN 'Inside Sales East' WHEN 1 THEN 'Inside Sales West' ELSE 'Field Sales' END AS crm_team,
        TIMESTAMPTZ '2024-01-15 00:00:00+00' AS created_at, TIMESTAMPTZ '2024-01-15 00:00:00+00' AS modified_at,
        false AS is_deleted, 's1' AS sync_id FROM range({USERS}) t(i)""",
    """INSERT INTO raw.companies BY NAME SELECT 'hubspot' AS connection, 'companies' AS object, 'o' || i AS crm_id, 'Company ' || i AS name,
        'o' || i || '.example' AS domain, ['software', 'retail', 'finance', 'health', NULL][1 + i % 5] AS industry,
        (i * 37) % 3000 AS employee_count, false AS is_deleted, 's1' AS sync_id FROM range($n // 40) t(i)""",
    """INSERT INTO raw.contacts BY NAME SELECT 'hubspot' AS connection, 'contacts' AS object, 'c' || i AS crm_id, 'contact' AS kind,
        'c' || i || '@lead.example' AS email, 'o' || (i % ($n // 40)) AS company_crm_id,
        ['web', 'list', 'referral', 'event', NULL][1 + i % 5] AS lead_source_first,
        ['web', 'list', 'referral', 'event', 'partner'][1 + (i // 3) % 5] AS lead_source,
        TIMESTAMPTZ '2024-02-01 00:00:00+00' AS created_at, false AS is_deleted, 's1' AS sync_id FROM range($n // 10) t(i)""",
    # activities
    f"""INSERT INTO raw.calls BY NAME SELECT 'hubspot' AS connection, 'calls' AS object, 'a' || i AS crm_id, 'u' || (i % {USERS}) AS owner_crm_id,
        CASE WHEN i % 20 = 0 THEN 'inbound' ELSE 'outbound' END AS direction,
        ['connected', 'no_answer', 'left_message', 'busy', NULL][1 + (i * 7) % 5] AS disposition,
        'completed' AS status, ['call', 'form', NULL][1 + i % 3] AS response_method, (i * 13) % 600 AS duration_seconds,
        TIMESTAMPTZ '2024-11-01 00:00:00+00' + to_seconds((i * 7919) % ({DAYS} * 86400)) AS called_at,
        false AS is_deleted, 's1' AS sync_id FROM range($n // 2) t(i)""",
    f"""INSERT INTO raw.emails BY NAME SELECT 'hubspot' AS connection, 'emails' AS object, 'e' || i AS crm_id, 'u' || (i % {USERS}) AS owner_crm_id,
        CASE WHEN i % 10 = 0 THEN 'inbound' ELSE 'outbound' END AS direction, CASE WHEN i % 25 = 0 THEN 'bounced' ELSE 'sent' END AS status,
        (i * 3) % 4 AS open_count, (i * 5) % 3 AS bot_open_count, CASE WHEN i % 9 = 0 THEN 1 ELSE 0 END AS reply_count,
        TIMESTAMPTZ '2024-11-01 00:00:00+00' + to_seconds((i * 6007) % ({DAYS} * 86400)) AS sent_at,
        false AS is_deleted, 's1' AS sync_id FROM range($n // 2) t(i)""",
    f"""INSERT INTO raw.meetings BY NAME SELECT 'hubspot' AS connection, 'meetings' AS object, 'm' || i AS crm_id, 'u' || ((i * 3 + 2) % {USERS}) AS owner_crm_id,
        'u' || (i % {USERS}) AS booked_by_crm_id, ['held', 'held', 'held', 'no_show', 'cancelled'][1 + i % 5] AS outcome,
        ['accepted', 'accepted', 'rejected', NULL][1 + (i * 11) % 4] AS field_sales_feedback,
        ['call', 'email', 'form', NULL][1 + i % 4] AS response_method, i % 3 <> 0 AS decision_maker_present,
        booked AS booked_at, booked + to_days(CAST(3 + i % 9 AS INTEGER)) AS starts_at,
        booked + to_days(CAST(3 + i % 9 AS INTEGER)) + to_minutes(CAST(30 + i % 30 AS BIGINT)) AS ends_at,
        booked + to_days(CAST(5 + i % 9 AS INTEGER)) AS feedback_at,
        false AS is_deleted, 's1' AS sync_id
        FROM (SELECT i, TIMESTAMPTZ '2024-11-01 00:00:00+00' + to_seconds((i * 5011) % ({DAYS} * 86400)) AS booked FROM range($n // 20) t(i))""",
    f"""INSERT INTO raw.deals BY NAME SELECT 'hubspot' AS connection, 'deals' AS object, 'd' || i AS crm_id, 'Deal ' || i AS name,
        'u' || ((i * 3 + 2) % {USERS}) AS owner_crm_id, ['won', 'lost', 'lost', 'open'][1 + i % 4] AS stage,
        CASE WHEN i % 10 = 0 THEN 'USD' ELSE 'JPY' END AS currency, (1000 + i * 17 % 2000000) AS amount,
        CASE WHEN i % 4 IN (1, 2) THEN 'price' END AS lost_reason,
        CAST(made + to_days(CAST(20 + i % 60 AS INTEGER)) AS DATE) AS close_date, made AS created_at, false AS is_deleted, 's1' AS sync_id
        FROM (SELECT i, TIMESTAMPTZ '2024-11-20 00:00:00+00' + to_seconds((i * 15033) % ({DAYS} * 86400)) AS made FROM range($n // 60) t(i))""",
    """INSERT INTO raw.stages BY NAME SELECT 'hubspot' AS connection, 'pipelines' AS object, s AS crm_id, s AS label, s AS status,
        false AS is_deleted, 's1' AS sync_id FROM (VALUES ('won'), ('lost'), ('open')) t(s)""",
    # who was in it
    *(
        f"""INSERT INTO raw.links BY NAME SELECT 'hubspot' AS connection, 'associations.{kind}.contact' AS object, prefix || i AS crm_id,
        '{kind}' AS from_kind, prefix || i AS from_crm_id, 'contact' AS to_kind, 'c' || ((i * {step}) % ($n // 10)) AS to_crm_id,
        'default' AS role, 's1' AS sync_id FROM (SELECT '{prefix}' AS prefix, i FROM range($n // {share}) t(i))"""
        for kind, prefix, share, step in (("call", "a", 2, 7), ("email", "e", 2, 3), ("meeting", "m", 20, 11), ("deal", "d", 60, 33))
    ),
    """INSERT INTO raw.links BY NAME SELECT 'hubspot' AS connection, 'associations.meeting.deal' AS object, 'm' || (3 * i) AS crm_id,
        'meeting' AS from_kind, 'm' || (3 * i) AS from_crm_id, 'deal' AS to_kind, 'd' || i AS to_crm_id, 'default' AS role,
        's1' AS sync_id FROM range($n // 60) t(i)""",
)  # fmt: skip


def write_company(connection: sa.Connection, activities: int) -> None:
    """Fill `raw` with a company of so many calls and e-mails."""
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement.replace("$n", str(activities)))
