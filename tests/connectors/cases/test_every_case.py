"""The catalog is whole: each case of both CRMs is in it, has a test here, and can be switched in all three ways."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
import urllib3

from connectors.sandbox.errors import UnknownPlayError
from connectors.sandbox.plays import PLAYS, Limits, Stage, Staging, checked_plays
from connectors.sandbox.plays.limits import Meter
from connectors.sandbox.server import running
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store
from tests.connectors.cases.core_rows import CORE_ROWS
from tests.connectors.cases.tables import BUILT
from tests.connectors.cases.truth import Nights

TEST = re.compile(r"^def test_([hs]\d+)_", re.MULTILINE)


def test_every_case_is_in_the_catalog() -> None:
    assert list(PLAYS) == [*(f"H{number}" for number in range(1, 19)), *(f"S{number}" for number in range(1, 16))]


def test_every_case_has_a_test() -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*_cases.py")]
    assert {found.upper() for text in texts for found in TEST.findall(text)} == PLAYS.keys()


def test_every_table_of_core_is_compared() -> None:
    assert {model.table for model in BUILT} == CORE_ROWS.keys()


@pytest.mark.parametrize("play_id", PLAYS)
def test_every_play_begins_on_an_empty_store_too(play_id: str, tmp_path: Path) -> None:
    with Store(tmp_path / "store.sqlite") as store:
        stage = Stage(store, Staging((play_id,)))
        assert [one.play.id for one in stage.playing()] == [play_id]


def test_an_unknown_play_or_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownPlayError, match="has no play H99; it has H1, H2"):
        checked_plays("H1,H99")
    with Store(tmp_path / "store.sqlite") as store, pytest.raises(UnknownPlayError, match="S3 with option wher"):
        Stage(store).play("S3", wher="/query")


def test_a_play_ends_after_its_requests(hubspot: Nights) -> None:
    playing = hubspot.stage.play("H9", times=2)

    hubspot.night(0)

    assert (playing.left, playing.count) == (0, 2)


def test_plays_are_switched_over_http_while_the_servers_run(tmp_path: Path) -> None:
    with running(
        tmp_path / "store.sqlite", staging=Staging(("S15",), Limits(requests_per_10_seconds=3), 1.0)
    ) as addresses:
        control = f"{addresses.hubspot_url}/__sandbox__/plays"
        http = urllib3.PoolManager()

        def ask(method: str, url: str, **body: Any) -> Any:
            answer = http.request(method, url, body=orjson.dumps(body) if body else None, headers=TOKEN)
            return answer.status, orjson.loads(answer.data)

        assert [one["play"] for one in ask("GET", control)[1]["playing"]] == ["S15"]
        assert ask("POST", control, play="H9", times=1, options={"policy": "SECONDLY"})[0] == 200
        assert ask("POST", control, play="H99")[0] == 400
        calls = f"{addresses.hubspot_url}/crm/v3/objects/calls"
        policies = [ask("GET", calls)[1].get("policyName") for _ in range(5)]
        assert policies == ["SECONDLY", None, None, "TEN_SECONDLY_ROLLING", "TEN_SECONDLY_ROLLING"]
        assert ask("DELETE", control)[1]["playing"] == []
        ask("POST", f"{addresses.hubspot_url}/__sandbox__/limits", hubspot_daily=1, salesforce_daily=5)
        assert [ask("GET", calls)[1].get("policyName") for _ in range(2)] == [None, "DAILY"]


TOKEN = {"Authorization": "Bearer sandbox", "Content-Type": "application/json"}


def test_the_search_limit_counts_searches_only() -> None:
    now = [100.0]
    meter = Meter(Limits(searches_per_second=2, requests_per_10_seconds=4), clock=lambda: now[0])

    answers = [meter.hubspot_refusal(is_search=True) for _ in range(3)]
    assert [answer is None for answer in answers] == [True, True, False]
    assert meter.hubspot_refusal(is_search=False) is None
    now[0] += 1
    assert meter.hubspot_refusal(is_search=True) is None
    assert meter.hubspot_refusal(is_search=False) is not None
    now[0] += 10
    assert meter.hubspot_refusal(is_search=False) is None


def test_the_daily_limit_of_salesforce_refuses_and_says_so(salesforce: Nights) -> None:
    salesforce.stage.set_limits(Limits(salesforce_daily=10))

    with pytest.raises(Exception, match="daily request limit"):
        salesforce.night(0)


def test_the_same_plays_give_the_same_answers(tmp_path: Path) -> None:
    held = []
    for number in range(2):
        with Store(tmp_path / f"{number}.sqlite") as store:
            stage = Stage(store)
            for play_id in ("H14", "S12"):
                stage.play(play_id, at_ms=1_775_000_000_000)
            held.append([[*store.all(HUBSPOT, "calls")], [*store.all(SALESFORCE, "Event")]])
    assert held[0] == held[1]


def test_the_documentation_lists_the_catalog() -> None:
    text = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("test_every_case.py -->\n")
    table, _, _ = rest.partition("\n<!-- end")
    assert table == catalog_table()


def catalog_table() -> str:
    """The table in docs/sandbox.md."""
    lines = ["| play | what happens | requests | options |", "|---|---|---|---|"]
    for play in PLAYS.values():
        options = ", ".join(f"`{name}`={orjson.dumps(value).decode()}" for name, value in play.options.items())
        requests = "always" if play.is_always else play.times or "all"
        lines.append(f"| {play.id} | {play.what} | {requests} | {options or '-'} |")
    return "\n".join(lines)
