"""What lies behind a part of a gap? Figures in one sentence, and the records to look at: meetings that did not count, deals lost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from models.kpi.cause_facts import SPLITS, Fact, segments_of
from models.statistics.causes import DEFINITION, FIXED_PARTS, Part

EVIDENCE_IDS = 20  # enough to look at, few enough to be looked at
REASONS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Behind:
    """What evidence is taken from: the cases now and before, the deals lost now, and what is known of the days and people."""

    now: Sequence[Fact]
    before: Sequence[Fact]
    span: tuple[date, date]
    scale: float
    lost: Sequence[Fact] = ()
    business_days: int = 0
    weekdays: int = 0
    left: Mapping[str, date] | None = None
    since: date | None = None
    by_part: dict[tuple[str, str], dict[str, list[Fact]]] = field(default_factory=dict, compare=False)

    def of(self, span: Literal["now", "before", "lost"], part: Part) -> Sequence[Fact]:
        """Give a span's facts of one segment; each split is sorted into its segments once."""
        if (span, part.split) not in self.by_part:
            segments: dict[str, list[Fact]] = {}
            facts: Sequence[Fact] = {"now": self.now, "before": self.before, "lost": self.lost}[span]
            for fact in facts:
                segments.setdefault(SPLITS[part.split](fact), []).append(fact)
            self.by_part[span, part.split] = segments
        return self.by_part[span, part.split].get(part.part, [])


def evidence_of(part: Part, behind: Behind) -> tuple[str | None, str | None]:
    """Give the sentence, and up to 20 core ids, comma separated."""
    if part.part in FIXED_PARTS:
        redefined = [fact for fact in behind.now if fact.redefined] if part.part == DEFINITION else []
        return _fixed(part, behind, redefined), _ids(redefined)
    if part.split == "funnel":
        return _lost_words(part, behind.lost) or None, _ids(behind.lost) if _is_decided(part) else None
    if part.split not in SPLITS:
        return None, None
    missed, lost = _missed(part, behind), behind.of("lost", part)
    return _segment_words(part, behind, missed, lost), _ids(missed or lost)


def _missed(part: Part, behind: Behind) -> list[Fact]:
    """Give the meetings of a segment that did not count; only where the rate is the matter."""
    if part.effect != "rate":
        return []
    return [fact for fact in behind.of("now", part) if fact.record_id and not fact.hits and not fact.awaiting]


def _ids(facts: Sequence[Fact]) -> str | None:
    newest = sorted(facts, key=lambda fact: (fact.day, fact.record_id or ""), reverse=True)
    return ",".join(str(fact.record_id) for fact in newest[:EVIDENCE_IDS]) or None


def _segment_words(part: Part, behind: Behind, missed: Sequence[Fact], lost: Sequence[Fact]) -> str | None:
    found = segments_of(behind.of("now", part), behind.of("before", part), lambda _: part.part)
    if not found:
        return None
    segment, span = found[0], in_words(behind.span)
    reasons = _reasons((("lost reasons", [fact.lost_reason for fact in lost]),))
    if part.effect != "rate" or segment.cases <= 0:
        cases, past = (
            (segment.cases, segment.past_cases)
            if segment.cases + segment.past_cases
            else (segment.hits, segment.past_hits)
        )
        left = (behind.left or {}).get(part.part) if part.effect == "leaver" else None
        gone = f"Left on {left}: " if left else ""
        return f"{gone}{cases:,.0f} so far, {past * behind.scale:,.0f} by the level of {span}{reasons}."
    judged = segment.cases - segment.awaiting
    if max(segment.rate, segment.past_rate) > 1:  # amounts
        return f"{segment.rate:,.0f} each over {judged:,.0f}, {segment.past_rate:,.0f} each in {span}{reasons}."
    rules = [rule for fact in missed for rule in (fact.failed_rules or "").split(",")]
    why = _reasons((("failed rules", rules), ("reject reasons", [fact.reject_reason for fact in missed])))
    shares = f"({segment.hits / max(judged, 1):.0%}), {segment.past_rate:.0%} in {span}"
    return f"{segment.hits:,.0f} of {judged:,.0f} counted {shares}{why}{reasons}."


def _fixed(part: Part, behind: Behind, redefined: Sequence[Fact]) -> str:
    span = in_words(behind.span)
    holidays = behind.weekdays - behind.business_days
    match part.part:
        case "target_level":
            off = f" Holidays are no cause: what is due leaves out {holidays} of them." if holidays > 0 else ""
            return f"What the target asks beyond the level of {span}; not a change in the work.{off}"
        case "definition":
            since = f" since {behind.since}" if behind.since else ""
            refused, let_in = (sum(fact.redefined == effect for fact in redefined) for effect in (1, -1))
            words = [f"{refused} failed only what the definition asks{since} and did not in {span}"] if refused else []
            words += [f"{let_in} count only by the definition{since} and did not in {span}"] if let_in else []
            return "; ".join((*words, "not a change in the work."))
        case "business_days":
            return (
                f"{behind.business_days} business days so far on {behind.weekdays} weekdays; not a change in the work."
            )
        case _:
            share = "the share of all such meetings before" if part.split == "funnel" else "each part's own share now"
            return f"Expected from meetings that wait for an answer, valid at {share}; not a change in the work."


def _is_decided(part: Part) -> bool:
    """Tell whether a step of the funnel is where deals are won or lost."""
    return part.part in ("won_per_valid", "deals_won")


def _lost_words(part: Part, lost: Sequence[Fact]) -> str:
    if not lost or not _is_decided(part):
        return ""
    reasons = _reasons((("lost reasons", [fact.lost_reason for fact in lost]),))
    return f"{len(lost)} deals were lost in the period{reasons}."


def _reasons(found: Sequence[tuple[str, Sequence[str | None]]]) -> str:
    texts = []
    for what, names in found:
        counted = Counter(name for name in names if name)
        if counted:
            shown = ", ".join(f"{name} {count}" for name, count in counted.most_common(REASONS_SHOWN))
            texts.append(f"; {what}: {shown}")
    return "".join(texts)


def in_words(span: tuple[date, date]) -> str:
    """Name a half-open span by its first and last day."""
    return f"{span[0]} to {span[1] - timedelta(days=1)}"
