"""The first hour against the sandbox: init's files pass every check, and its agreement waits for signatures."""

from definitions_contract.loader import load_agreement
from definitions_contract.schema import SigningState
from definitions_contract.signing import state
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
