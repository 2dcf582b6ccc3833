"""A department with keys cannot be signed for by somebody else; real keys, made by ssh-keygen and thrown away."""

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from definitions_contract.errors import AgreementError, SigningError
from definitions_contract.loader import load_agreement
from definitions_contract.resolve import version_on
from definitions_contract.schema import SigningState
from definitions_contract.seals import seal_path
from definitions_contract.signing import sign, state
from pipelines.cli.contract import app

Edit = Callable[[str, str, str], None]
V2 = "valid_meeting/v2.yaml"
FIELD_SALES = "{id: field_sales, label: {ja: フィールドセールス, en: Field sales}, function: field_sales"
FILES = ("kpis.yaml", "targets.yaml", "phases.yaml", "valid_meeting/v1.yaml", V2)


@pytest.fixture(scope="session")
def ssh_keygen() -> str:
    """The program; without it the tests are skipped on a desk, and fail where CI promised it."""
    program = shutil.which("ssh-keygen")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("no ssh-keygen; install openssh-client")
        pytest.skip("no ssh-keygen; install openssh-client")
    return program


@pytest.fixture
def key(tmp_path: Path, ssh_keygen: str) -> Path:
    return _new_key(tmp_path / "field", ssh_keygen)


@pytest.fixture
def other_key(tmp_path: Path, ssh_keygen: str) -> Path:
    return _new_key(tmp_path / "other", ssh_keygen)


@pytest.fixture
def sealed(folder: Path, edit: Edit, key: Path) -> Path:
    """An agreement whose field-sales department has begun to use a key and has sealed what it signed before."""
    _give_key(edit, key)
    for file in FILES:
        sign(folder / file, department="field_sales", name="Demo Field Sales Manager", day=date(2026, 6, 30), key=key)
    return folder


def test_a_department_that_begins_to_use_keys_seals_what_it_signed(folder: Path, edit: Edit, key: Path) -> None:
    _give_key(edit, key)
    before = load_agreement(folder)

    for file in FILES:
        sign(folder / file, department="field_sales", name="Demo Field Sales Manager", day=date(2026, 6, 30), key=key)

    after = load_agreement(folder)
    assert state(before.definitions[1]).missing == ("field_sales",)
    assert {entry.file for entry in before.refused} == set(FILES)
    assert after.refused == ()
    assert all(state(definition).state is SigningState.SIGNED for definition in after.definitions)
    assert after.definitions[1].signatures[1].signed_date == date(2026, 5, 26)


def test_a_typed_signature_does_not_count(sealed: Path) -> None:
    seal_path(sealed / V2, "field_sales").unlink()

    agreement = load_agreement(sealed)

    assert state(agreement.definitions[1]).missing == ("field_sales",)
    assert version_on(agreement, "valid_meeting", date(2026, 7, 1)).version == 1


@pytest.mark.parametrize(
    ("name", "day"),
    [
        pytest.param("Demo Another Manager", "2026-05-26", id="another name"),
        pytest.param("Demo Field Sales Manager", "2026-05-25", id="another day"),
    ],
)
def test_a_seal_is_for_one_signature(name: str, day: str, sealed: Path, edit: Edit) -> None:
    signed = "name: Demo Field Sales Manager, signed_date: 2026-05-26"

    edit(V2, signed, f"name: {name}, signed_date: {day}")

    assert [entry.file for entry in load_agreement(sealed).refused] == [V2]


def test_a_seal_cannot_be_moved_to_another_file(sealed: Path) -> None:
    shutil.copy(seal_path(sealed / "kpis.yaml", "field_sales"), seal_path(sealed / V2, "field_sales"))

    assert [entry.file for entry in load_agreement(sealed).refused] == [V2]


def test_a_foreign_key_seals_nothing(sealed: Path, other_key: Path) -> None:
    sign(sealed / V2, department="field_sales", name="Demo Field Sales Manager", day=date(2026, 6, 30), key=other_key)

    (refused,) = load_agreement(sealed).refused
    assert refused.file == V2
    assert "sign again" in refused.why.en


def test_an_edited_text_is_broken_although_it_was_sealed(sealed: Path, edit: Edit) -> None:
    edit(V2, "why: Positive", "why: Clear")

    report = state(load_agreement(sealed).definitions[1])

    assert report.state is SigningState.BROKEN
    assert len(report.broken) == 3


def test_a_key_that_cannot_sign_writes_nothing(folder: Path, tmp_path: Path, ssh_keygen: str, edit: Edit) -> None:
    edit(V2, "why: Positive", "why: Clear")
    before = (folder / V2).read_bytes()
    (tmp_path / "no_key").write_text("no key", encoding="utf-8")
    (tmp_path / "no_key").chmod(0o600)

    with pytest.raises(SigningError, match="refused the key no_key"):
        sign(folder / V2, department="field_sales", name="A", day=date(2026, 5, 1), key=tmp_path / "no_key")

    assert (folder / V2).read_bytes() == before
    assert not seal_path(folder / V2, "field_sales").exists()


def test_the_command_asks_for_the_key_of_a_department_that_has_one(folder: Path, edit: Edit, key: Path) -> None:
    _give_key(edit, key)
    arguments = ["sign", "--department", "field_sales", "--name", "Demo Field Sales Manager", "--yes"]
    environment = {"KPI_AGREEMENT": str(folder), "COLUMNS": "200"}

    typed = CliRunner().invoke(app, arguments, env=environment)
    sealed = CliRunner().invoke(app, [*arguments, "--key", str(key)], env=environment)

    assert (typed.exit_code, sealed.exit_code) == (1, 0)
    assert "give --key" in typed.output
    assert load_agreement(folder).refused == ()


def test_check_names_a_signature_that_does_not_count(sealed: Path) -> None:
    seal_path(sealed / V2, "field_sales").unlink()

    result = CliRunner().invoke(app, ["check", "--agreement", str(sealed)])

    assert result.exit_code == 1
    assert "valid_meeting/v2.yaml: field_sales: the department has keys" in result.output


def test_a_private_key_in_the_agreement_is_an_error_that_does_not_repeat_it(
    folder: Path, edit: Edit, key: Path
) -> None:
    secret = key.read_text(encoding="utf-8").splitlines()[1]
    edit("team.yaml", FIELD_SALES, f"{FIELD_SALES}, ssh_keys: ['{secret}']")

    with pytest.raises(AgreementError, match="the public key") as raised:
        load_agreement(folder)

    assert secret not in str(raised.value)


def _new_key(path: Path, program: str) -> Path:
    subprocess.run([program, "-q", "-t", "ed25519", "-N", "", "-C", "throw-away", "-f", str(path)], check=True)
    return path


def _give_key(edit: Edit, key: Path) -> None:
    public = key.with_suffix(".pub").read_text(encoding="utf-8").strip()
    edit("team.yaml", FIELD_SALES, f"{FIELD_SALES}, ssh_keys: ['{public}']")
