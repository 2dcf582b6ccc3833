"""Can a person read a failed target check in the catalogue? Names and units as on the board, and a picture of the worst."""

from typing import Any

from definitions_contract.loader import load_agreement
from pipelines.assets.divergence import _metadata
from pipelines.board.names import names_of
from pipelines.settings import PROJECT


def a_row(**changes: Any) -> dict[str, Any]:
    row = {
        "kpi_id": "valid_rate",
        "scope_kind": "department",
        "scope_id": "inside_sales",
        "state": "off",
        "reason": "few | late",
    }
    return row | {"actual": 0.5, "expected_to_date": 0.6, "forecast": 0.51, "target": 0.6} | changes


def test_a_failed_target_check_names_and_figures_are_those_of_the_board() -> None:
    names = names_of(load_agreement(PROJECT / "definitions_contract" / "agreement"), {})

    told = _metadata([a_row(), a_row(kpi_id="calls_made", actual=1234, forecast=None)], names)

    lines = told["targets"].value.splitlines()[2:]
    assert lines[0] == "| Valid rate (valid_rate) | Inside sales | 50.0% | 60.0% | 60.0% | off | few / late |"
    assert "| Calls made (calls_made) | Inside sales | 1,234 |" in lines[1]
    assert told["not_on_track"] == 2
    assert told["chart_of_the_worst"].value.startswith("![Valid rate · Inside sales](data:image/png;base64,")
    assert _metadata([], names) == {"not_on_track": 0}
