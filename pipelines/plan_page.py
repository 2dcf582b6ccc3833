"""How a plan is shown: as text in both languages, JSON, or one CSV row per step and month."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from definitions_contract.words import Lang
from models.kpi.plan import assumptions, plan_rows, rate_of_step
from models.kpi.plan_work import Plan
from models.statistics.funnel import STEPS, Reach
from models.statistics.planning import realism_percentile
from pipelines.board.formats import money, short_amount
from pipelines.board.phrases import tell
from pipelines.planning import leads

WORDS: Mapping[str, Mapping[Lang, str]] = {
    "goal": {"ja": "目標（KGI）", "en": "Goal"},
    "won": {"ja": "受注済み", "en": "won so far"},
    "lacking": {"ja": "不足", "en": "still lacking"},
    "step": {"ja": "段階", "en": "step"},
    "left": {"ja": "今後必要な数", "en": "still needed"},
    "interval": {"ja": "90 % 区間", "en": "90 % interval"},
    "changed": {"ja": "変更後", "en": "changed"},
    "per_day": {"ja": "1人1日あたり", "en": "per rep and day"},
    "own": {"ja": "過去実績での位置", "en": "own percentile"},
    "role": {"ja": "役割", "en": "role"},
    "month": {"ja": "月", "en": "month"},
    "leads": {"ja": "先行", "en": "leads"},
    "derived": {"ja": "逆算", "en": "derived"},
    "is_goal": {"ja": "目標", "en": "goal"},
    "unrealistic": {"ja": "非現実的", "en": "unrealistic"},
    "cases": {"ja": "件", "en": "cases"},
    "basis": {"ja": "根拠", "en": "Worked out from"},
    "months": {"ja": "月ごとに今後必要な数", "en": "Still needed, month by month"},
    "closure": {"ja": "順算の検算", "en": "Run forward again"},
    "differs": {"ja": "目標との差", "en": "differs from what is lacking by"},
    "nothing": {"ja": "進行中の案件だけで目標に届きます。", "en": "What is begun reaches the goal alone."},
    "carried_out": {"ja": "この計画を実行すると", "en": "Carried out, this plan brings"},
    "own_pace": {"ja": "現在のペースのままでは", "en": "The calls of an own middle month bring"},
    "chance": {"ja": "達成確率", "en": "chance of the goal"},
    "people": {"ja": "担当者", "en": "Reps"},
    "full_days": {"ja": "立ち上がりを考慮した稼働日", "en": "full rep days left, ramp counted"},
    "refused": {"ja": "データ不足のため数値を出しません", "en": "No figure for want of data"},
    "written": {"ja": "署名前の提案を書きました", "en": "Proposal written, not signed"},
    "follow": {
        "ja": "この段階では活動目標が先に立ちます。",
        "en": "In this phase the agreed activity leads; the needs of it are shown beside, not proposed.",
    },
}

# --- for programs -----------------------------------------------------------------------------------------------------


def as_json(base: Plan, changed: Plan | None, **more: str) -> str:
    """Give a plan, and the one with the changes on top, as JSON."""
    return json.dumps(_facts(base, changed) | more, indent=2, ensure_ascii=False, default=str)


def as_csv(base: Plan, changed: Plan | None) -> str:
    """Give one row per variant, step and month."""
    rows = [{"variant": "base"} | row for row in plan_rows(base)]
    rows += [{"variant": "changed"} | row for row in plan_rows(changed)] if changed else []
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _facts(base: Plan, changed: Plan | None) -> dict[str, Any]:
    material = base.material
    return {
        "goal": {
            "amount": material.goal.amount,
            "start": material.goal.start,
            "end": material.goal.end,
            "scope": ":".join(material.goal.scope),
            "won": material.won,
            "lacking": material.lacking,
        },
        "as_of": material.context.as_of,
        "season": material.season.factors,
        "base": _variant(base),
        "changed": _variant(changed) if changed else None,
    }


def _variant(plan: Plan) -> dict[str, Any]:
    return {
        "closure": plan.closure,
        "reps": plan.people,
        "rep_days": plan.rep_days,
        "carried_out": _reach(plan.reach),
        "at_own_pace": _reach(plan.at_own_pace),
        "steps": [_step(plan, step) for step in STEPS],
        "rows": list(plan_rows(plan)),
    }


def _reach(reach: Reach | None) -> dict[str, float] | None:
    if reach is None:
        return None
    return {"mean": reach.mean, "lower": reach.lower, "upper": reach.upper, "chance": reach.chance}


def _step(plan: Plan, step: str) -> dict[str, Any]:
    """Sum a step up over all months of the plan."""
    rate = rate_of_step(plan, step)
    row: dict[str, Any] = {
        "step": step,
        "role": _role(plan, step),
        "reason": plan.estimates.refused(step),
        "missing_cases": rate.missing if rate else 0,
        "source": rate.source if rate else "agreement",
        "assumptions": None if rate is None or rate.reason else assumptions(plan, step),
    }
    if step not in plan.needs:
        return row | dict.fromkeys(("needed", "lower", "upper", "per_rep_day", "percentile", "is_realistic"))
    needs = plan.needs[step]
    days = sum(day for day, need in zip(plan.rep_days, needs.middle, strict=True) if need > 0) or sum(plan.rep_days)
    needed, (lower, upper) = float(needs.middle.sum()), needs.interval()
    pace = needed / days if days else None
    percentile = None if pace is None else realism_percentile(pace, plan.paces[step])
    agreed = float(plan.material.context.agreement.targets.realism_percentile)
    figures = {"needed": needed, "lower": lower, "upper": upper, "per_rep_day": pace, "percentile": percentile}
    return row | figures | {"is_realistic": None if percentile is None else percentile <= agreed}


def _role(plan: Plan, step: str) -> str:
    return "is_goal" if step == "won_amount" else "leads" if leads(plan, step) else "derived"


# --- for people -------------------------------------------------------------------------------------------------------


def print_plan(console: Console, base: Plan, changed: Plan | None, lang: Lang) -> None:
    """Print a plan: what each step still needs, the changes beside it, the months, what it rests on, and what it brings."""
    material, goal = base.material, base.material.goal
    say = {name: text[lang] for name, text in WORDS.items()}
    amount, won, lacking = (_money(base, figure, lang) for figure in (goal.amount, material.won, material.lacking))
    console.print(f"[bold]{say['goal']}[/bold] {amount}  {goal.start} – {goal.end}  {':'.join(goal.scope)}")
    console.print(f"  {say['won']} {won}, {say['lacking']} {lacking} ({material.context.as_of})")
    console.print(_steps_table(base, say, lang))
    if changed is not None:
        console.print(_changes_table(base, changed, say, lang))
    console.print(f"[bold]{say['months']}[/bold]")
    console.print(_months_table(changed or base, say, lang))
    for line in (*_basis_lines(changed or base, say, lang), *_outcomes(base, changed, say, lang)):
        console.print(line)
    if any(leads(base, step) for step in STEPS):
        console.print(say["follow"])


def _basis_lines(plan: Plan, say: Mapping[str, str], lang: Lang) -> Iterator[str]:
    yield f"[bold]{say['basis']}[/bold]"
    for step in STEPS:
        rate, reason = rate_of_step(plan, step), plan.estimates.refused(step)
        if reason:
            yield f"  [yellow]{_label(plan, step, lang)}[/yellow]: {say['refused']}: {told(reason, lang)}"
        else:
            size = f" ({rate.sample_size:,} {say['cases']})" if rate else ""
            yield f"  {_label(plan, step, lang)}: {told(assumptions(plan, step), lang)}{size}"


def told(sentence: str, lang: Lang) -> str:
    """Tell a sentence that the models wrote in the reader's language."""
    text = tell(sentence, {})
    return text.ja if lang == "ja" else text.en


def _outcomes(base: Plan, changed: Plan | None, say: Mapping[str, str], lang: Lang) -> Iterator[str]:
    yield from _outcome_lines(base, say, lang)
    if changed is not None:
        yield f"[bold]{say['changed']}[/bold]"
        yield from _outcome_lines(changed, say, lang)


def _steps_table(plan: Plan, say: Mapping[str, str], lang: Lang) -> Table:
    table = _table(say, "step", "left", "interval", "per_day", "own", "role")
    for step in STEPS:
        row = _step(plan, step)
        percentile = "–" if row["percentile"] is None else f"{row['percentile']:.0%}"
        if row["is_realistic"] is False:
            percentile += f" [red]{say['unrealistic']}[/red]"
        lower, upper = (_number(row[bound], lang) for bound in ("lower", "upper"))
        interval = "–" if row["lower"] in (None, row["upper"]) else f"{lower}–{upper}"
        cells = (_number(row["needed"], lang), interval, _number(row["per_rep_day"], lang), percentile)
        table.add_row(_label(plan, step, lang), *cells, say[row["role"]])
    return table


def _changes_table(base: Plan, changed: Plan, say: Mapping[str, str], lang: Lang) -> Table:
    """Set each step beside itself with the changes on top."""
    table = _table(say, "step", "left", "changed", "per_day", "changed")
    for step in STEPS:
        before, after = _step(base, step), _step(changed, step)
        figures = (before["needed"], after["needed"], before["per_rep_day"], after["per_rep_day"])
        table.add_row(_label(base, step, lang), *(_number(figure, lang) for figure in figures))
    return table


def _months_table(plan: Plan, say: Mapping[str, str], lang: Lang) -> Table:
    table = _table(say, "month")
    for step in plan.needs:
        table.add_column(_label(plan, step, lang), justify="right", overflow="fold")
    for position, month in enumerate(plan.material.months):
        table.add_row(
            f"{month.start:%Y-%m}", *(_number(float(needs.middle[position]), lang) for needs in plan.needs.values())
        )
    return table


def _table(say: Mapping[str, str], first: str, *others: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(say[first], no_wrap=first == "month")
    for name in others:
        is_figure = name in ("left", "interval", "changed")  # half a number is another number
        table.add_column(say[name], justify="left" if name == "role" else "right", overflow="fold", no_wrap=is_figure)
    return table


def _outcome_lines(plan: Plan, say: Mapping[str, str], lang: Lang) -> Iterator[str]:
    yield f"{say['people']}: {plan.people}, {sum(plan.rep_days):,.0f} {say['full_days']}"
    if plan.reach is not None:
        check = say["nothing"] if plan.closure is None else f"{say['differs']} {abs(plan.closure):.2%}"
        yield f"{say['closure']}: {check}"
        yield f"{say['carried_out']} {_outcome(plan.reach, say, lang)}"
    if plan.at_own_pace is not None:
        yield f"{say['own_pace']} {_outcome(plan.at_own_pace, say, lang)}"


def _outcome(reach: Reach, say: Mapping[str, str], lang: Lang) -> str:
    mean, lower, upper = (_number(figure, lang) for figure in (reach.mean, reach.lower, reach.upper))
    return f"{mean} ({lower}–{upper}), {say['chance']} {reach.chance:.0%}"


def _label(plan: Plan, step: str, lang: Lang) -> str:
    label = next((kpi.label for kpi in plan.material.context.agreement.kpis.kpis if kpi.id == step), None)
    if label is None:
        return {"ja": "接続数", "en": "Connects"}[lang]
    return label.ja if lang == "ja" else label.en


def _money(plan: Plan, amount: float, lang: Lang) -> str:
    text = money(amount, plan.material.context.agreement.team.currency)
    return text.ja if lang == "ja" else text.en


def _number(value: float | None, lang: Lang) -> str:
    if value is None:
        return "–"
    if abs(value) >= 1_000_000:
        return short_amount(value, 2).ja if lang == "ja" else short_amount(value, 1).en
    return f"{value:,.0f}" if abs(value) >= 20 else f"{value:,.2f}"
