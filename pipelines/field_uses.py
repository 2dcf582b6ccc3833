"""What stands on a canonical field? The rules and KPIs of the agreement that need it: for the error when the CRM loses it."""

from collections.abc import Iterator, Mapping

from definitions_contract.schema import Agreement, Kpi, Measure

# columns of the core tables that are made of others: canonical field -> what it becomes
BECOMES: Mapping[str, tuple[str, ...]] = {
    "calls.called_at": ("called_date",),
    "calls.owner_crm_id": ("rep_id",),
    "emails.sent_at": ("sent_date",),
    "emails.owner_crm_id": ("rep_id",),
    "emails.status": ("is_delivered",),
    "emails.open_count": ("is_opened", "is_opened_by_person"),
    "emails.bot_open_count": ("is_opened_by_person",),
    "emails.reply_count": ("is_replied",),
    "meetings.starts_at": ("held_date", "minutes"),
    "meetings.ends_at": ("minutes",),
    "meetings.booked_at": ("booked_date",),
    "meetings.feedback_at": ("feedback_date",),
    "meetings.owner_crm_id": ("held_by_rep_id",),
    "meetings.booked_by_crm_id": ("rep_id",),
    "deals.stage": ("status", "deal_status"),
    "deals.amount": ("agreed_amount",),
    "deals.currency": ("agreed_amount",),
    "deals.created_at": ("created_date", "cycle_days"),
    "deals.close_date": ("cycle_days",),
}


def uses_of(agreement: Agreement, key: str) -> list[str]:
    """Who needs the canonical field `<entity>.<field>`, in words: rules first, then KPIs.

    The KPIs of a definition need what its rules need.
    """
    event, _, field = key.partition(".")
    columns = {field, *BECOMES.get(key, ())}
    names: dict[str, None] = {}
    for definition in agreement.definitions:
        for rule in definition.rules:
            if definition.judges == event and rule.kwargs.get("column") in columns:
                names[f"rule {rule.id} of {definition.name} v{definition.version}"] = None
                names.update(
                    (f"KPI {kpi.id}", None) for kpi in agreement.kpis.kpis if kpi.definition == definition.name
                )
    for kpi in agreement.kpis.kpis:
        if any(measure.event == event and columns & set(_columns(measure)) for measure in _measures(kpi)):
            names[f"KPI {kpi.id}"] = None
    return sorted(names, key=lambda name: not name.startswith("rule"))


def _measures(kpi: Kpi) -> Iterator[Measure]:
    yield from (measure for measure in (kpi.numerator, kpi.denominator) if measure is not None)


def _columns(measure: Measure) -> Iterator[str]:
    yield from measure.where
    yield measure.date
    yield measure.credit
    if measure.sum is not None:
        yield measure.sum
