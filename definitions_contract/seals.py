"""Seals: detached SSH signatures beside the YAML, so that nobody can type another department's consent.

A seal covers the file, the department, the person, the day and the digest of the text. It stands beside the file as
`v2.field_sales.sig`. `ssh-keygen` (OpenSSH 8.2 or later) makes and checks it with keys that people already have; hardware keys
and agents work, too. docs/decisions/015-seals-by-ssh-keys.md says why, and what a seal does not prove.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from definitions_contract.errors import SigningError
from definitions_contract.schema import Signature

NAMESPACE = "inside-sales-kpi"  # ssh-keygen: a signature made for another purpose does not verify here
TIMEOUT_SECONDS = 60  # time to type a passphrase or to touch a hardware key


def seal_path(path: Path, department: str) -> Path:
    """Give the place of a department's seal beside the file that it seals."""
    return path.with_name(f"{path.stem}.{department}.sig")


def payload(file: str, signature: Signature) -> bytes:
    """Give what a seal covers; the file's name is in it, so that a seal cannot be moved to another text."""
    lines = (file, signature.department, signature.name, signature.signed_date.isoformat(), signature.digest)
    return ("\n".join(lines) + "\n").encode()


def make_seal(file: str, signature: Signature, key: Path) -> str:
    """Sign with a private key, or with a public one whose private half an agent holds."""
    done = _run(file, ["-Y", "sign", "-f", str(key), "-n", NAMESPACE], payload(file, signature))
    if done.returncode != 0:
        raise SigningError(file, f"ssh-keygen refused the key {key.name}", _reason(done))
    return done.stdout.decode()


def is_sealed(file: str, signature: Signature, seal: Path, keys: Sequence[str]) -> bool:
    """Tell whether a seal is by one of the department's keys and for exactly this signature."""
    if not seal.is_file():
        return False
    with tempfile.NamedTemporaryFile("w", suffix=".signers", encoding="utf-8") as signers:
        for key in keys:
            signers.write(f'{signature.department} namespaces="{NAMESPACE}" {key.strip()}\n')
        signers.flush()
        check = ["-Y", "verify", "-f", signers.name, "-I", signature.department, "-n", NAMESPACE, "-s", str(seal)]
        return _run(file, check, payload(file, signature)).returncode == 0


def _run(file: str, arguments: Sequence[str], data: bytes) -> "subprocess.CompletedProcess[bytes]":
    program = shutil.which("ssh-keygen")
    if program is None:
        raise SigningError(file, "ssh-keygen is not there", "install OpenSSH, or take the ssh_keys out of team.yaml")
    try:
        return subprocess.run([program, *arguments], input=data, capture_output=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise SigningError(file, "ssh-keygen did not answer", "unlock the key or touch the device in time") from error


def _reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "give another key"
