"""What can be wrong with an agreement, and how it is told.

ContractError
├── AgreementError       the files are not an agreement: every issue of every file at once
├── NoDefinitionError    nothing signed covers the day asked for
└── SigningError         this signature cannot be written
"""

from dataclasses import dataclass
from datetime import date

from definitions_contract.schema import Label


class ContractError(Exception):
    """Base of all errors of this package."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One mistake: where it stands, what was found, what is allowed and what to do about it."""

    file: str  # path inside the agreement
    line: int  # 1 is the first
    key: str  # rules[1].kwargs.column; empty when it concerns the whole file
    found: str
    allowed: str
    advice: Label

    def text(self, lang: str = "en") -> str:
        """Tell it in one line, in ja or en."""
        place = f"{self.file}:{self.line}: {self.key or '-'}"
        if lang == "ja":
            return f"{place}: 記載「{self.found}」、許されるもの: {self.allowed}。{self.advice.ja}"
        return f"{place}: found {self.found}; allowed: {self.allowed}; {self.advice.en}"


class AgreementError(ContractError):
    """The files are not an agreement. `issues` holds every mistake found, by file and line."""

    def __init__(self, folder: str, issues: tuple[Issue, ...]) -> None:
        """Keep the issues; the message lists all of them."""
        self.folder = folder
        self.issues = tuple(sorted(issues, key=lambda issue: (issue.file, issue.line, issue.key)))
        lines = "\n".join(f"  {issue.text()}" for issue in self.issues)
        super().__init__(f"{len(issues)} mistake(s) in the agreement {folder}; correct them and check again\n{lines}")


class NoDefinitionError(ContractError):
    """No signed version of a definition covers a day."""

    def __init__(self, name: str, day: date) -> None:
        """Keep what was asked for."""
        self.name = name
        self.day = day
        super().__init__(
            f"no signed definition of '{name}' covers {day}; add or sign a version with effective_from <= {day} in {name}/"
        )


class SigningError(ContractError):
    """A signature was refused; nothing was written."""

    def __init__(self, file: str, problem: str, advice: str) -> None:
        """Keep the file beside the reason."""
        self.file = file
        super().__init__(f"{file} was not signed: {problem}; {advice}")
