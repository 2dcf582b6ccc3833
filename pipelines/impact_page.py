"""The impact of a change in words: the page that two departments lay on the table before they sign, in either language."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from definitions_contract.schema import Agreement, Definition, PeriodKind
from definitions_contract.words import Lang
from models.kpi.lever_words import segment_word
from models.statistics.comparison import LEAST_PERIODS, Share
from pipelines.impact import Count, Impact, Move, Outcome
from pipelines.impact_targets import MONTHS, TouchedTarget, longest_run
from pipelines.pages import Block, Bullets, Cell, Heading, Sentence, grid

PERIODS = {kind.value: "month_long" if kind is PeriodKind.MONTH else kind.value for kind in PeriodKind}
SHOWN_MOVED = 30  # rows of the list on the page; JSON has all
WORDS: dict[str, dict[Lang, str]] = {
    "title": {"ja": "{name} v{before} → v{after} の影響", "en": "Impact of {name} v{before} -> v{after}"},
    "scope": {
        "ja": "{since} 以降の商談 {meetings} 件を両方の版で判定（{as_of} 時点）。"
        "過去の数字は変わりません。新しい版は適用開始日以降の商談だけを判定します。",
        "en": "{meetings} meetings counted since {since}, judged by both versions as known on {as_of}. "
        "No past number changes: a new version judges the meetings from its first day on.",
    },
    "differences": {"ja": "何が変わるか", "en": "What changes in the text"},
    "no_differences": {"ja": "意味の違いはありません。", "en": "Nothing that has a meaning."},
    "moves": {"ja": "判定が変わる商談", "en": "Meetings that get another verdict"},
    "moved_sum": {
        "ja": "{meetings} 件中 {moved} 件の判定が変わります（{share}）。",
        "en": "{moved} of {meetings} meetings get another verdict ({share}).",
    },
    "unanswered_sum": {
        "ja": "うち {count} 件は、規則が見る項目が記録されていないためです。"
        "記録していなかった期間の商談は、内容ではなく未記録で無効になります。",
        "en": "{count} of them because what the rule looks at was not recorded: in months when nobody recorded it, "
        "a meeting fails for that and not for what it was.",
    },
    "none_moved": {"ja": "判定が変わる商談はありません。", "en": "No meeting gets another verdict."},
    "from": {"ja": "変更前", "en": "Before"},
    "to": {"ja": "変更後", "en": "After"},
    "rules": {"ja": "理由となる規則", "en": "Moved by"},
    "meetings": {"ja": "件数", "en": "Meetings"},
    "unanswered": {"ja": "うち未記録", "en": "Not recorded"},
    "valid": {"ja": "有効", "en": "valid"},
    "invalid": {"ja": "無効", "en": "invalid"},
    "pending": {"ja": "判定待ち", "en": "pending"},
    "not_counted": {"ja": "対象外", "en": "not counted"},
    "by_month": {"ja": "月別の有効商談", "en": "Valid meetings by month"},
    "by_team": {"ja": "チーム別", "en": "By team"},
    "by_rep": {"ja": "担当者別", "en": "By rep"},
    "by_lead_source": {"ja": "流入経路別", "en": "By lead source"},
    "month": {"ja": "月", "en": "Month"},
    "team": {"ja": "チーム", "en": "Team"},
    "rep": {"ja": "担当者", "en": "Rep"},
    "lead_source": {"ja": "流入経路", "en": "Lead source"},
    "valid_before": {"ja": "有効（前）", "en": "Valid before"},
    "valid_after": {"ja": "有効（後）", "en": "Valid after"},
    "change": {"ja": "増減", "en": "Change"},
    "pending_after": {"ja": "判定待ち（後）", "en": "Pending after"},
    "targets": {"ja": "KPI と目標", "en": "KPIs and targets"},
    "targets_about": {
        "ja": "判定待ちがなく、規則が見る項目が記録されている {months} か月の実績を、目標の期間ごとに見たものです。"
        "四半期・年度は連続する 3・12 か月、担当者ごとの目標は期間を通して在籍した担当者（立ち上がり期間を除く）の実績によります。"
        "「同じ難しさの目標」は、自分たちの過去の実績の中で今の目標と同じ位置にある値です。",
        "en": "Over the {months} whole months in which nothing waits and what the rules look at was recorded, by the target's period: "
        "any 3 or 12 of these months in a row for a quarter or a year; of each rep, those who were there for all of it, after their ramp. "
        "The target as hard as before stands at the same place of the own history as today's does.",
    },
    "every": {"ja": "期間", "en": "Period"},
    "week": {"ja": "週", "en": "week"},
    "month_long": {"ja": "月", "en": "month"},
    "quarter": {"ja": "四半期", "en": "quarter"},
    "fiscal_year": {"ja": "年度", "en": "year"},
    "each_rep": {"ja": "{whose}の各担当者", "en": "each rep of {whose}"},
    "from_day": {"ja": "{every}（{since} から）", "en": "{every}, from {since}"},
    "too_short": {
        "ja": "「同じ難しさの目標」を出すには、過去の実績が足りません。",
        "en": "No target as hard as before where the history is too short:",
    },
    "missing": {"ja": "{every}：{needed} 必要、現在 {known}", "en": "{every}: {known} of {needed}"},
    "needed_week": {"ja": "週の目標（実績のある週）", "en": "by the week, settled weeks"},
    "needed_month": {"ja": "月の目標（実績のある月）", "en": "by the month, settled months"},
    "needed_months": {"ja": "{every}の目標（連続する月）", "en": "by the {every}, settled months in a row"},
    "needed_each_rep": {
        "ja": "{whose}、{every}の目標（在籍した担当者の期間）",
        "en": "{whose} by the {every}, periods of reps who were there",
    },
    "kpi": {"ja": "KPI", "en": "KPI"},
    "whose": {"ja": "対象", "en": "Whose"},
    "average_before": {"ja": "実績（前）", "en": "Value before"},
    "average_after": {"ja": "実績（後）", "en": "Value after"},
    "target": {"ja": "今の目標", "en": "Target now"},
    "equal": {"ja": "同じ難しさの目標", "en": "As hard as before"},
    "percentile": {"ja": "目標に届かなかった期間", "en": "Periods below"},
    "outcomes": {"ja": "その後、受注したか", "en": "What became of them"},
    "outcomes_about": {
        "ja": "{days} 日以上前の商談のうち、{days} 日以内に受注した割合（90% 区間）。",
        "en": "Of the meetings at least {days} days old, those whose deal was won within {days} days (90 % interval).",
    },
    "group": {"ja": "商談", "en": "Meetings that"},
    "won": {"ja": "受注", "en": "Won"},
    "share": {"ja": "受注率", "en": "Share won"},
    "interval": {"ja": "区間", "en": "Interval"},
    "compared": {"ja": "有効のままの商談との差", "en": "Against those that stay valid"},
    "stays_valid": {"ja": "有効のまま", "en": "stay valid"},
    "moved": {"ja": "有効でなくなる", "en": "are no longer valid"},
    "moved_unanswered": {"ja": "未記録のため有効でなくなる", "en": "are no longer valid, not recorded"},
    "becomes_valid": {"ja": "有効になる", "en": "become valid"},
    "never_valid": {"ja": "どちらでも無効", "en": "are valid in neither"},
    "worse": {
        "ja": "「{group}」商談の受注率は、有効のままの商談より明らかに低い。",
        "en": "Meetings that {group} were won clearly less often than those that stay valid.",
    },
    "better": {
        "ja": "「{group}」商談の受注率は、有効のままの商談より明らかに高い。",
        "en": "Meetings that {group} were won clearly more often than those that stay valid.",
    },
    "unclear": {
        "ja": "「{group}」商談と有効のままの商談の受注率に、偶然を超える差は見られない。",
        "en": "Meetings that {group}: no difference to those that stay valid beyond chance.",
    },
    "talk": {"ja": "話し合うこと", "en": "To talk about"},
    "talk_down": {
        "ja": "有効でなくなる {count} 件を、本当に数えないことにするか。下の一覧から数件を一緒に開いて確かめる。",
        "en": "Are the {count} meetings that are no longer valid really not to count? Open some of the list below together.",
    },
    "talk_up": {
        "ja": "新たに有効になる {count} 件を、フィールドセールスは受け入れるか。",
        "en": "Does field sales accept the {count} meetings that become valid?",
    },
    "talk_record": {
        "ja": "未記録の {count} 件について、誰がいつまでに記録するか。適用開始までに記録が始まらなければ、同じことが起きる。",
        "en": "Who records what was missing on {count} meetings, by when? Unless that begins before the first day, the same will happen.",
    },
    "talk_target": {
        "ja": "{kpi}（{whose}）の目標 {target} を {equal} に変えるか。変えなければ、目標は実質的に{harder}なる。",
        "en": "Does the target of {kpi} ({whose}), {target}, become {equal}? Left as it is, it becomes {harder}.",
    },
    "harder": {"ja": "厳しく", "en": "harder"},
    "easier": {"ja": "緩く", "en": "easier"},
    "moved_list": {"ja": "判定が変わる商談の一覧", "en": "The meetings"},
    "more": {"ja": "ほか {count} 件は --format json にあります。", "en": "{count} more are in --format json."},
    "meeting": {"ja": "商談", "en": "Meeting"},
    "day": {"ja": "計上日", "en": "Day"},
    "seen": {"ja": "規則が見た値", "en": "What the rules saw"},
}


def impact_page(impact: Impact, agreement: Agreement, versions: Sequence[Definition], lang: Lang) -> list[Block]:
    """Write the whole page. `versions` are the two that are compared: their rules have the labels."""
    page = _Page(impact, agreement, versions, lang)
    return [
        *page.opening(),
        *page.moves(),
        *page.counts(),
        *page.targets(),
        *page.outcomes(),
        *page.talk(),
        *page.moved(),
    ]


def impact_summary(impact: Impact, agreement: Agreement, versions: Sequence[Definition], lang: Lang) -> list[Block]:
    """Write what somebody who is about to sign has to know."""
    page = _Page(impact, agreement, versions, lang)
    return [*page.opening(), *page.moves(), *page.targets(), *page.outcomes()]


class _Page:
    """Both versions' labels and the language, which every part needs."""

    def __init__(self, impact: Impact, agreement: Agreement, versions: Sequence[Definition], lang: Lang) -> None:
        self.impact = impact
        self.lang = lang
        self.rule_labels = {rule.id: getattr(rule.label, lang) for version in versions for rule in version.rules}
        self.kpi_labels = {kpi.id: getattr(kpi.label, lang) for kpi in agreement.kpis.kpis}
        self.fractions = {kpi.id for kpi in agreement.kpis.kpis if kpi.unit == "fraction"}
        self.scope_labels = {team.id: getattr(team.label, lang) for team in agreement.team.teams} | {
            department.id: getattr(department.label, lang) for department in agreement.team.departments
        }

    def word(self, key: str, **values: object) -> str:
        return WORDS[key][self.lang].format(**values)

    def words(self, *keys: str) -> list[str]:
        return [self.word(key) for key in keys]

    def opening(self) -> Iterator[Block]:
        impact = self.impact
        yield Heading(self.word("title", name=impact.name, before=impact.before, after=impact.after), level=1)
        yield Sentence(self.word("scope", since=impact.since, as_of=impact.as_of, meetings=f"{impact.meetings:,}"))
        yield Heading(self.word("differences"))
        lines = tuple(getattr(label, self.lang) for label in impact.differences)
        yield Bullets(lines) if lines else Sentence(self.word("no_differences"))

    def moves(self) -> Iterator[Block]:
        yield Heading(self.word("moves"))
        moves = self.impact.moved_moves
        if not moves:
            yield Sentence(self.word("none_moved"))
            return
        moved, unanswered = (sum(getattr(move, name) for move in moves) for name in ("meetings", "unanswered"))
        share = f"{moved / self.impact.meetings:.1%}"
        yield Sentence(self.word("moved_sum", moved=f"{moved:,}", meetings=f"{self.impact.meetings:,}", share=share))
        if unanswered:
            yield Sentence(self.word("unanswered_sum", count=f"{unanswered:,}"))
        header = self.words("from", "to", "rules", "meetings", "unanswered")
        yield grid(header, [self._move_row(move) for move in moves], figures=(3, 4))

    def counts(self) -> Iterator[Block]:
        sources = [replace(row, key=segment_word(row.key, self.lang)) for row in self.impact.by_lead_source]
        tables = (
            ("by_month", "month", self.impact.by_month),
            ("by_team", "team", self.impact.by_team),
            ("by_rep", "rep", self.impact.by_rep),
            ("by_lead_source", "lead_source", sources),
        )
        for title, key, rows in tables:
            yield Heading(self.word(title))
            header = self.words(key, "valid_before", "valid_after", "change", "pending_after")
            yield grid(header, [self._count_row(row, is_month=key == "month") for row in rows], figures=(1, 2, 3, 4))

    def targets(self) -> Iterator[Block]:
        if not self.impact.targets:
            return
        yield Heading(self.word("targets"))
        yield Sentence(self.word("targets_about", months=len(self.impact.settled_months)))
        header = self.words("kpi", "whose", "every", "average_before", "average_after", "target", "equal", "percentile")
        yield grid(header, [self._target_row(row) for row in self.impact.targets], figures=(3, 4, 5, 6, 7))
        missing = tuple(dict.fromkeys(filter(None, map(self._missing, self.impact.targets))))
        if missing:
            yield Sentence(self.word("too_short"))
            yield Bullets(missing)

    def outcomes(self) -> Iterator[Block]:
        if not self.impact.outcomes:
            return
        yield Heading(self.word("outcomes"))
        yield Sentence(self.word("outcomes_about", days=self.impact.horizon_days))
        header = self.words("group", "meetings", "won", "share", "interval", "compared")
        rows = [self._outcome_row(row) for row in self.impact.outcomes]
        yield grid(header, rows, figures=(1, 2, 3))
        said = tuple(self._said(row) for row in self.impact.outcomes if row.group.startswith(("moved", "becomes")))
        yield from (Sentence(sentence) for sentence in said if sentence)

    def talk(self) -> Iterator[Block]:
        items = tuple(self._questions())
        if items:
            yield Heading(self.word("talk"))
            yield Bullets(items)

    def moved(self) -> Iterator[Block]:
        rows = self.impact.moved
        if not rows:
            return
        yield Heading(self.word("moved_list"))
        shown = [
            [
                Cell(row["record_id"], row["crm_url"]),
                str(row["counted_date"]),
                f"{self._verdict(row['before_verdict'])} → {self._verdict(row['after_verdict'])}",
                self._rules((row["moving_rules"] or "").split(",")),
                row["seen"] or "-",
            ]
            for row in rows[-SHOWN_MOVED:]
        ]
        move = f"{self.word('from')} → {self.word('to')}"
        yield grid([*self.words("meeting", "day"), move, *self.words("rules", "seen")], shown)
        if len(rows) > SHOWN_MOVED:
            yield Sentence(self.word("more", count=f"{len(rows) - SHOWN_MOVED:,}"))

    def _questions(self) -> Iterator[str]:
        moves = self.impact.moved_moves
        down = sum(move.meetings for move in moves if move.before == "valid")
        up = sum(move.meetings for move in moves if move.after == "valid")
        unanswered = sum(move.unanswered for move in moves)
        for key, count in (("talk_down", down), ("talk_up", up), ("talk_record", unanswered)):
            if count:
                yield self.word(key, count=f"{count:,}")
        for row in self.impact.targets:
            equal = row.equivalent.value if row.equivalent else None
            if equal is not None and row.target is not None and equal != row.target:
                yield self.word(
                    "talk_target",
                    kpi=self.kpi_labels[row.kpi],
                    whose=self._whose(row),
                    target=self._value(row.kpi, row.target),
                    equal=self._value(row.kpi, equal),
                    harder=self.word("harder" if equal < row.target else "easier"),
                )

    def _move_row(self, move: Move) -> list[str]:
        verdicts = [self._verdict(move.before), self._verdict(move.after)]
        return [*verdicts, self._rules(move.rules), f"{move.meetings:,}", f"{move.unanswered:,}"]

    def _count_row(self, row: Count, *, is_month: bool) -> list[str]:
        name = row.key[:7] if is_month else self.scope_labels.get(row.key, row.key)
        change = f"{row.valid_after - row.valid_before:+,}" if row.valid_after != row.valid_before else "±0"
        return [name, f"{row.valid_before:,}", f"{row.valid_after:,}", change, f"{row.pending_after:,}"]

    def _target_row(self, row: TouchedTarget) -> list[str]:
        equivalent = row.equivalent
        below = "-" if equivalent is None or equivalent.percentile is None else f"{equivalent.percentile:.0%}"
        equal = "-" if equivalent is None else self._value(row.kpi, equivalent.value)
        figures = [self._value(row.kpi, value, digits=1) for value in (row.value_before, row.value_after)]
        every = self.word(PERIODS[row.every])
        if row.since:
            every = self.word("from_day", every=every, since=row.since)
        named = [self.kpi_labels[row.kpi], self._whose(row), every]
        return [*named, *figures, self._value(row.kpi, row.target), equal, below]

    def _whose(self, row: TouchedTarget) -> str:
        whose = self.scope_labels.get(row.scope_id, row.scope_id)
        return self.word("each_rep", whose=whose) if row.is_each_rep else whose

    def _missing(self, row: TouchedTarget) -> str | None:
        """Say what the history of a target lacks."""
        if row.equivalent is None or row.equivalent.value is not None:
            return None
        kind, every, needed, known = (
            PeriodKind(row.every),
            self.word(PERIODS[row.every]),
            LEAST_PERIODS,
            row.equivalent.periods,
        )
        if row.is_each_rep:
            of = self.word("needed_each_rep", whose=self._whose(row), every=every)
        elif kind in (PeriodKind.WEEK, PeriodKind.MONTH):  # each counts for itself
            of = self.word(f"needed_{kind.value}")
        else:
            of = self.word("needed_months", every=every)
            needed, known = needed + MONTHS[kind] - 1, longest_run(self.impact.settled_months)
        return self.word("missing", every=of, needed=needed, known=known)

    def _outcome_row(self, row: Outcome) -> list[str]:
        share = "-" if row.won.value is None else f"{row.won.value:.1%}"
        return [
            self.word(row.group),
            f"{row.won.cases:,}",
            f"{row.won.hits:,}",
            share,
            _interval(row.won),
            "-"
            if row.against_staying is None
            else f"{row.against_staying.value:+.1%} ({row.against_staying.lower:+.1%} … {row.against_staying.upper:+.1%})",
        ]

    def _said(self, row: Outcome) -> str | None:
        if row.against_staying is None:
            return None
        found = row.against_staying
        key = "unclear" if not found.is_clear else "worse" if found.value < 0 else "better"
        return self.word(key, group=self.word(row.group))

    def _verdict(self, verdict: str | None) -> str:
        return self.word(verdict or "not_counted")

    def _rules(self, rules: Iterable[str]) -> str:
        return " + ".join(self.rule_labels.get(rule, rule) for rule in rules) or "-"

    def _value(self, kpi: str, value: float | None, digits: int = 0) -> str:
        if value is None:
            return "-"
        return f"{value:.1%}" if kpi in self.fractions else f"{value:,.{digits}f}"


def _interval(share: Share) -> str:
    return "-" if share.lower is None or share.upper is None else f"{share.lower:.1%} … {share.upper:.1%}"
