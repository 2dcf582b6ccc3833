"""The first hour against the sandbox: init's files pass every check, and its agreement waits for signatures."""

from contextlib import closing

import duckdb
from rich.console import Console

from definitions_contract.loader import load_agreement
from definitions_contract.schema import SigningState
from definitions_contract.signing import state
from pipelines.summary import print_summary
from tests.night.homes import Home


def test_init_checks_the_demo_companys_crms_and_signs_nothing(an_untouched_home: Home) -> None:
    urls = ("--hubspot-url", "sandbox", "--salesforce-url", "sandbox")

    done = an_untouched_home.kpi("init", "--yes", "--no-sync", "--crm", "hubspot,salesforce", *urls)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("every mapped field exists") == 2
    agreement = load_agreement(an_untouched_home.path / "agreement")
    assert state(agreement.definitions[0]).state is SigningState.PROPOSED
    assert an_untouched_home.kpi("contract", "check").returncode == 0
    assert not an_untouched_home.warehouse.exists()


def test_status_without_a_signed_target_says_how_to_get_one(a_home: Home) -> None:
    with closing(duckdb.connect(a_home.published / "inside_sales.duckdb")) as published:
        published.execute("DELETE FROM kpi.divergence")
    console = Console(record=True, width=200)

    print_summary(console, a_home.settings, is_quiet=True)

    assert "kpi plan --write" in console.export_text()
