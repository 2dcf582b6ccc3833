"""Whether a text is agreed: its digest, who signed it, and writing a signature.

The digest is taken over the meaning of a file, not its layout: the values after the schema has read them, without those that
equal the schema's defaults and without `signatures`, as canonical JSON. docs/decisions/010-digest-over-meaning.md says why.
"""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from definitions_contract.documents import Document, model_for, parse_document
from definitions_contract.errors import SigningError
from definitions_contract.schema import (
    Definition,
    KpiAgreement,
    PhaseAgreement,
    Signature,
    SigningState,
    TargetAgreement,
)
from definitions_contract.seals import make_seal, seal_path

Signed = Definition | KpiAgreement | TargetAgreement | PhaseAgreement

SIGNATURES = "signatures"


@dataclass(frozen=True, slots=True)
class SigningReport:
    """How a text stands: `missing` departments have not signed, the signatures in `broken` are for another text."""

    state: SigningState
    digest: str
    missing: tuple[str, ...]
    broken: tuple[Signature, ...]


def digest(mapping: Mapping[str, Any]) -> str:
    """Give the digest of plain values; key order does not matter, list order does.

    >>> digest({"a": 1, "b": [True, 1.50]}) == digest({"b": [True, Decimal("1.5")], "a": 1.0})
    True
    >>> digest({"a": 1}) == digest({"a": "1"})
    False
    """
    return "sha256:" + hashlib.sha256(canonical(mapping).encode()).hexdigest()


def digest_of(text: Signed) -> str:
    """Give the digest of what departments sign in a file: everything except the signatures."""
    return digest(text.model_dump(exclude={SIGNATURES}, exclude_defaults=True))


def state(text: Signed) -> SigningReport:
    """Say how a text stands: broken when any signature is for another text, signed when all agreed, else proposed."""
    now = digest_of(text)
    broken = tuple(signature for signature in text.signatures if signature.digest != now)
    fitting = {signature.department for signature in text.signatures if signature.digest == now}
    missing = tuple(department for department in text.agreed_between if department not in fitting)
    if broken:
        return SigningReport(SigningState.BROKEN, now, missing, broken)
    return SigningReport(SigningState.PROPOSED if missing else SigningState.SIGNED, now, missing, broken)


def signed_date(text: Signed) -> date | None:
    """Give the day of the last signature; None unless all departments agreed to this text."""
    if state(text).state is not SigningState.SIGNED:
        return None
    return max(signature.signed_date for signature in text.signatures)


def with_signatures(text: Signed, names: Mapping[str, str], day: date) -> Signed:
    """Give the text signed in memory by department -> name; for tools and tests, nothing is written."""
    now = digest_of(text)
    signatures = tuple(
        Signature(department=department, name=name, signed_date=day, digest=now) for department, name in names.items()
    )
    return text.model_copy(update={SIGNATURES: signatures})


def sign(path: Path, *, department: str, name: str, day: date, key: Path | None = None) -> Signature:
    """Write one department's signature into a file, in place of its earlier one. All other lines stay byte for byte.

    The path ends in kpis.yaml, targets.yaml, phases.yaml or <definition>/vN.yaml. The file is replaced in one step. With a key
    the signature is sealed, too. A signature that stands already for this text keeps its name and day: signing again with a key
    seals it, so that a department can begin to use keys without a new date on what it agreed to long ago.
    """
    before = path.read_text(encoding="utf-8")
    text, file = _read(before, path), file_in_agreement(path)
    _check_may_sign(text, file, department=department, name=name)
    signature = Signature(department=department, name=name, signed_date=day, digest=digest_of(text))
    standing = next((s for s in text.signatures if (s.department, s.digest) == (department, signature.digest)), None)
    if standing is None:
        _check_is_in_time(text, file, day)
    signature = standing or signature
    after = before if standing else _with_signature(before, signature)
    written = _read(after, path)
    if digest_of(written) != signature.digest or signature not in written.signatures:
        raise SigningError(path.name, "its signatures cannot be edited in place", "put `signatures:` last, as a list")
    seal = make_seal(file, signature, key) if key else None  # before anything is written: it may be refused
    if after != before:
        _replace(path, after, like=path)
    if seal is not None:
        _replace(seal_path(path, department), seal, like=path)
    return signature


def file_in_agreement(path: Path) -> str:
    """Give a file's path inside its agreement.

    >>> file_in_agreement(Path("agreement/valid_meeting/v2.yaml"))
    'valid_meeting/v2.yaml'
    """
    return path.name if model_for(path.name) else f"{path.parent.name}/{path.name}"


def _check_may_sign(text: Signed, file: str, *, department: str, name: str) -> None:
    if not name.strip():
        raise SigningError(file, "nobody is named", "give the name of the person who signs")
    if department not in text.agreed_between:
        allowed = ", ".join(text.agreed_between)
        raise SigningError(file, f"{department} is not in agreed_between", f"one of {allowed} signs it")


def _check_is_in_time(text: Signed, file: str, day: date) -> None:
    """A version that replaces another is signed before its first day: numbers that people have seen keep their definition."""
    if isinstance(text, Definition) and text.version > 1 and day >= text.effective_from:
        problem = f"version {text.version} is to hold from {text.effective_from}, which is not after {day}"
        raise SigningError(file, problem, "set effective_from to a later day, or leave the text and add a new version")


def canonical(value: object) -> str:
    """Write plain values as JSON with one form for one meaning."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Enum():
            return canonical(value.value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float() | Decimal():
            return _canonical_number(value)
        case date():
            return json.dumps(value.isoformat())
    return _canonical_collection(value)


def _canonical_number(value: float | Decimal) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} has no canonical form; write a finite number")
    number = Decimal(str(value))
    if number == 0:
        return "0"
    written = format(number, "f")  # not normalize(): it rounds to 28 digits, and two numbers would have one form
    return written.rstrip("0").rstrip(".") if "." in written else written


def _canonical_collection(value: object) -> str:
    match value:
        case Mapping():
            pairs = sorted((str(key), canonical(inner)) for key, inner in value.items())
            return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{inner}" for key, inner in pairs) + "}"
        case list() | tuple():
            return "[" + ",".join(canonical(inner) for inner in value) + "]"
    raise TypeError(f"{type(value).__name__} has no canonical form; use text, numbers, dates, lists and mappings")


def _read(text: str, path: Path) -> Signed:
    file = file_in_agreement(path)
    model = model_for(file)
    document = parse_document(text, file)
    if not isinstance(document, Document):
        raise SigningError(file, document.text(), "correct it first")
    try:
        signed = model.model_validate(document.data) if model else None
    except ValidationError as error:
        raise SigningError(file, f"{error.error_count()} mistake(s) in it", "run `kpi contract check`") from error
    if not isinstance(signed, Definition | KpiAgreement | TargetAgreement | PhaseAgreement):
        raise SigningError(file, "nobody signs this file", "kpis, targets, phases and definition versions are signed")
    return signed


def _with_signature(text: str, signature: Signature) -> str:
    lines = text.splitlines(keepends=True)
    start, end = _block(lines)
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 4096  # one signature, one line
    yaml.indent(mapping=2, sequence=4, offset=2)
    block = yaml.load("".join(lines[start:end])) or CommentedMap()
    entries = block.get(SIGNATURES) or CommentedSeq()
    entries.fa.set_block_style()
    block[SIGNATURES] = entries
    _put(entries, signature)
    stream = StringIO()
    yaml.dump(block, stream)
    before = "".join(lines[:start])
    glue = "" if start < len(lines) or not before else "\n" if before.endswith("\n") else "\n\n"
    return before + glue + stream.getvalue() + "".join(lines[end:])


def _put(entries: CommentedSeq, signature: Signature) -> None:
    entry = CommentedMap(signature.model_dump())
    entry.fa.set_flow_style()
    for number, existing in enumerate(entries):
        if existing["department"] == signature.department:
            entries[number] = entry
            return
    entries.append(entry)


def _block(lines: list[str]) -> tuple[int, int]:
    """Find the lines of the top-level `signatures`: up to the next line that starts at the margin."""
    start = next((n for n, line in enumerate(lines) if line.startswith(f"{SIGNATURES}:")), len(lines))
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][0] in " -"):
        end += 1
    return start, min(end, len(lines))


def _replace(path: Path, text: str, *, like: Path) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copymode(like, temporary)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
