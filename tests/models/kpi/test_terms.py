"""Readers of the copy get the words to every id: each KPI's, each rule's of the versions that hold, and each scope's."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from definitions_contract.loader import load_agreement
from models import tables
from models.context import BuildContext, Model
from models.kpi import terms
from pipelines.settings import PROJECT
from tests.models.factories import BOTH, a_context, insert, label, row_of
from tests.models.kpi.agreements import a_definition, a_kpi, a_rule, agreed

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]


def test_every_kpi_stands_in_both_languages_in_the_order_of_the_agreement(build: Build) -> None:
    agreement = load_agreement(Path(PROJECT) / "definitions_contract" / "agreement")

    rows = build(terms.KPIS, a_context(agreement=agreement))

    found = [
        (row["display_order"], row["kpi_id"], row["label_ja"], row["label_en"], row["guard_kpi_id"]) for row in rows
    ]
    wanted = [(n, k.id, k.label.ja, k.label.en, k.guard) for n, k in enumerate(agreement.kpis.kpis, start=1)]
    assert found == wanted
    assert {row["kind"] for row in rows} == {"count", "sum", "rate", "mean", "product"}


def test_a_rule_holds_from_its_versions_first_day_up_to_the_next_ones(build: Build) -> None:
    longer = a_rule(
        id="long_enough",
        expectation="expect_column_values_to_be_between",
        kwargs={"column": "minutes", "min_value": 15},
    )
    old = a_definition()
    new = a_definition(a_rule(), longer, version=2, effective_from=date(2026, 6, 1))

    rows = build(terms.RULES, a_context(agreement=agreed(a_kpi(), definitions=(old, new))))

    assert [(row["version"], row["rule_id"], row["valid_from"], row["valid_to"]) for row in rows] == [
        (1, "held", date(2024, 4, 1), date(2026, 6, 1)),
        (2, "held", date(2026, 6, 1), None),
        (2, "long_enough", date(2026, 6, 1), None),
    ]
    assert "at least 15" in rows[-1]["condition_en"]
    assert {(row["agreed_by"], row["agreed_date"]) for row in rows} == {(",".join(BOTH), date(2024, 3, 1))}


def test_a_version_that_nobody_signed_explains_nothing(build: Build) -> None:
    proposed = a_definition(a_rule(label=label("new")), version=2).model_copy(update={"signatures": ()})

    rows = build(terms.RULES, a_context(agreement=agreed(a_kpi(), definitions=(a_definition(), proposed))))

    assert [(row["version"], row["label_en"]) for row in rows] == [(1, "held")]


def test_everybody_whom_a_number_is_told_for_has_a_name(with_calendar: sa.Connection, build: Build) -> None:
    for rep_id, name in [("hs:1", "由美 高橋"), ("hs:2", "")]:
        insert(
            with_calendar,
            tables.reps,
            row_of(tables.reps, rep_id=rep_id, name=name, team="is_east", department="inside_sales"),
        )

    rows = build(terms.SCOPES, a_context(agreement=agreed(a_kpi())))

    assert {(row["scope_kind"], row["scope_id"]): row["label_ja"] for row in rows} == {
        ("department", "inside_sales"): "Inside sales",
        ("department", "field_sales"): "Field sales",
        ("team", "is_east"): "East",
        ("team", "is_west"): "West",
        ("team", "fs"): "Field",
        ("rep", "hs:1"): "由美 高橋",
        ("rep", "hs:2"): "hs:2",
        ("department", "unknown"): "不明",
        ("team", "unknown"): "不明",
        ("rep", "unknown"): "不明",
    }
    assert {(row["department"], row["team"]) for row in rows if row["scope_kind"] != "department"} - {
        ("unknown", "unknown")
    } == {
        ("inside_sales", "is_east"),
        ("inside_sales", "is_west"),
        ("field_sales", "fs"),
    }
