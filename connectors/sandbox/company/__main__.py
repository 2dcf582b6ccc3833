"""Prints what is true in the demo company: `python -m connectors.sandbox.company [AS_OF] [SCALE]`."""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from connectors.sandbox.company.simulate import build_company
from connectors.sandbox.company.story import story
from connectors.sandbox.company.truth import core_counts, monthly


def main(arguments: list[str]) -> None:
    """Write counts, months and the story to standard output."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    as_of = date.fromisoformat(arguments[0]) if arguments else yesterday
    scale = float(arguments[1]) if len(arguments) > 1 else 1.0
    sys.stdout.writelines(f"{line}\n" for line in _lines(as_of, scale))


def _lines(as_of: date, scale: float) -> Iterator[str]:
    company = build_company(as_of, scale=scale)
    yield f"demo company as of {as_of}, seed {company.seed}, scale {scale}"
    yield ""
    yield from (f"{name:20}{count:>8,}" for name, count in core_counts(company).items())
    yield ""
    months = monthly(company)
    yield f"{'month':8}" + "".join(f"{name:>10}" for name in next(iter(months.values())))
    yield from (f"{month:8}" + "".join(f"{value:>10,}" for value in row.values()) for month, row in months.items())
    yield ""
    yield from (f"{name:22}{day}" for name, day in _events(as_of))
    outcomes = Counter(meeting.outcome for meeting in company.meetings)
    yield "meetings: " + ", ".join(f"{name} {count}" for name, count in outcomes.most_common())


def _events(as_of: date) -> list[tuple[str, date]]:
    events = story(as_of)
    return [(name, getattr(events, name)) for name in events.__slots__]


if __name__ == "__main__":
    main(sys.argv[1:])
