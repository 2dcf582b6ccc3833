"""How a rule reads for people, in Japanese and in English."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

from definitions_contract.conditions import AllOf, AnyOf, Nullity, RowCondition
from definitions_contract.expectations import row_condition_of
from definitions_contract.schema import Measure, Rule, Severity

Lang = Literal["ja", "en"]

# {column}, {column_A}, {column_B}, {values}, {pairs}, {bounds}, {regex}, {condition} are filled in by describe_rule
SENTENCES: Mapping[str, Mapping[Lang, str]] = {
    "expect_column_values_to_not_be_null": {"ja": "{column} に値がある", "en": "{column} has a value"},
    "expect_column_values_to_be_null": {"ja": "{column} に値がない", "en": "{column} has no value"},
    "expect_column_values_to_be_in_set": {"ja": "{column} が {values}", "en": "{column} is {values}"},
    "expect_column_values_to_not_be_in_set": {"ja": "{column} が {values} でない", "en": "{column} is not {values}"},
    "expect_column_values_to_be_between": {"ja": "{column} が {bounds}", "en": "{column} is {bounds}"},
    "expect_column_value_lengths_to_be_between": {
        "ja": "{column} の文字数が {bounds}",
        "en": "the length of {column} is {bounds}",
    },
    "expect_column_values_to_match_regex": {"ja": "{column} が /{regex}/ に合う", "en": "{column} matches /{regex}/"},
    "expect_column_values_to_not_match_regex": {
        "ja": "{column} が /{regex}/ に合わない",
        "en": "{column} does not match /{regex}/",
    },
    "expect_column_pair_values_a_to_be_greater_than_b": {
        "ja": "{column_A} が {column_B} {than}",
        "en": "{column_A} is {than} {column_B}",
    },
    "expect_column_pair_values_to_be_equal": {
        "ja": "{column_A} と {column_B} が等しい",
        "en": "{column_A} equals {column_B}",
    },
    "expect_column_pair_values_to_be_in_set": {
        "ja": "{column_A} と {column_B} の組が {pairs}",
        "en": "{column_A} and {column_B} are {pairs}",
    },
    "expect_column_pair_days_between_to_be_between": {
        "ja": "{column_A} から {column_B} までの日数が {bounds}",
        "en": "the days from {column_A} to {column_B} are {bounds}",
    },
    "expect_sql_condition_to_hold": {"ja": "条件 {condition} が成り立つ", "en": "the condition {condition} holds"},
}
BOUND_WORDS: Mapping[tuple[str, bool], Mapping[Lang, str]] = {
    ("min_value", False): {"ja": "{} 以上", "en": "at least {}"},
    ("min_value", True): {"ja": "{} より大きい", "en": "more than {}"},
    ("max_value", False): {"ja": "{} 以下", "en": "at most {}"},
    ("max_value", True): {"ja": "{} より小さい", "en": "less than {}"},
}
THAN: Mapping[bool, Mapping[Lang, str]] = {
    False: {"ja": "より大きい", "en": "greater than"},
    True: {"ja": "以上", "en": "greater than or equal to"},
}
OR: Mapping[Lang, str] = {"ja": "・", "en": " or "}
AND: Mapping[Lang, str] = {"ja": "、", "en": " and "}


def describe_rule(rule: Rule, lang: Lang) -> str:
    """Say a rule in one line: what it asks, of whom, how long it waits, and whether it decides."""
    parts = [_sentence(rule, lang), *_conditions(rule, lang), *_waiting(rule, lang)]
    if "mostly" in rule.kwargs:
        share = f"{float(rule.kwargs['mostly']):.0%}"
        parts.append({"ja": f"チームで {share} 未満なら警告", "en": f"the team is warned below {share}"}[lang])
    if rule.severity is Severity.WARNING:
        parts.append({"ja": "警告のみ", "en": "a warning only"}[lang])
    return {"ja": "、", "en": "; "}[lang].join(parts)


def describe_measure(measure: Measure, lang: Lang) -> str:
    """Say what a measure counts or sums, on which day, credited to whom."""
    where = AND[lang].join(_wanted(column, wanted, lang) for column, wanted in measure.where.items())
    if lang == "ja":
        what = f"{measure.sum} の合計" if measure.sum else "件数"
        limits = f"（{where}）" if where else ""
        return f"{measure.event}{limits}の{what}、計上日 {measure.date}、担当 {measure.credit}"
    what = f"sum of {measure.sum} over {measure.event}" if measure.sum else f"number of {measure.event}"
    limits = f" where {where}" if where else ""
    return f"{what}{limits}, by {measure.date}, credited to {measure.credit}"


def in_words(value: Any) -> str:
    """Show one value as it stands in the agreement."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def joined(values: Iterable[Any]) -> str:
    """List values."""
    return ", ".join(map(in_words, values))


def _wanted(column: str, wanted: Any, lang: Lang) -> str:
    match wanted:
        case Mapping():
            return AND[lang].join(f"{column} {_operator(name, value, lang)}" for name, value in wanted.items())
        case list() | tuple():
            return f"{column} = {OR[lang].join(map(in_words, wanted))}"
    return f"{column} = {in_words(wanted)}"


def _operator(name: str, value: Any, lang: Lang) -> str:
    match name:
        case "not":
            return f"≠ {OR[lang].join(map(in_words, value)) if isinstance(value, list) else in_words(value)}"
        case "at_least":
            return f"≥ {in_words(value)}"
        case "at_most":
            return f"≤ {in_words(value)}"
    is_missing, is_there = {"ja": ("が空", "が空でない"), "en": ("is missing", "is there")}[lang]
    return is_missing if value else is_there


def _sentence(rule: Rule, lang: Lang) -> str:
    arguments = rule.kwargs
    pairs = (f"({joined(pair)})" for pair in arguments.get("value_pairs_set", ()))
    names = ("column", "column_A", "column_B", "regex", "condition")
    filled = {
        "values": OR[lang].join(map(in_words, arguments.get("value_set", ()))),
        "pairs": OR[lang].join(pairs),
        "bounds": _bounds(arguments, lang),
        "than": THAN[bool(arguments.get("or_equal"))][lang],
        **{name: str(arguments[name]).strip() for name in names if name in arguments},
    }
    return SENTENCES[rule.expectation][lang].format(**filled)


def _bounds(arguments: Mapping[str, Any], lang: Lang) -> str:
    return AND[lang].join(
        BOUND_WORDS[bound, bool(arguments.get(strict))][lang].format(in_words(arguments[bound]))
        for bound, strict in (("min_value", "strict_min"), ("max_value", "strict_max"))
        if arguments.get(bound) is not None
    )


def _conditions(rule: Rule, lang: Lang) -> Iterable[str]:
    condition = row_condition_of(rule)
    if condition is not None:
        yield {"ja": "{} のときだけ", "en": "asked only when {}"}[lang].format(_condition(condition, lang))


def _condition(condition: RowCondition, lang: Lang) -> str:
    match condition:
        case AllOf(parts):
            joint = {"ja": " かつ ", "en": " and "}[lang]
            return joint.join(
                f"({_condition(p, lang)})" if isinstance(p, AnyOf) else _condition(p, lang) for p in parts
            )
        case AnyOf(parts):
            return {"ja": " または ", "en": " or "}[lang].join(_condition(part, lang) for part in parts)
        case Nullity(column, is_null):
            ja, en = ("が空", "is missing") if is_null else ("が空でない", "is there")
            return f"{column} {ja if lang == 'ja' else en}"
    if condition.operator == "==":
        value = in_words(condition.value)
        return {"ja": f"{condition.column} が {value}", "en": f"{condition.column} is {value}"}[lang]
    return f"{condition.column} {condition.operator} {in_words(condition.value)}"


def _waiting(rule: Rule, lang: Lang) -> Iterable[str]:
    if rule.waiting_values:
        values = OR[lang].join(map(in_words, rule.waiting_values))
        yield {"ja": f"{values} は未回答とみなす", "en": f"{values} counts as no answer yet"}[lang]
    if rule.missing == "passes":
        yield {"ja": "値がなければ合格", "en": "passes without a value"}[lang]
    elif rule.wait_business_days:
        days = rule.wait_business_days
        ja, en = f"未回答は {days} 営業日まで待つ", f"waits {days} business days for an answer"
        yield {"ja": ja, "en": en}[lang]
