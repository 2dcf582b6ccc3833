"""How is a figure, an amount or a day written for a Japanese and for an English reader?"""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from pipelines.board.words import Text, same

NONE = same("–")
MINUS = "−"  # the sign, not the hyphen: figures line up and screen readers say it
WEEKDAYS_JA = "月火水木金土日"
SYMBOLS = {"JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
WHOLE_UNIT_CURRENCIES = frozenset({"JPY", "KRW"})

Number = int | float | Decimal


def number(value: Number | None, digits: int = 0) -> Text:
    """Write a plain figure with thousands separators.

    >>> number(-1234.56, 1).en, number(-0.04, 1).en
    ('−1,234.6', '0.0')
    """
    if value is None:
        return NONE
    rounded = round(float(value), digits) + 0.0  # no "−0.0"
    return same(f"{rounded:,.{digits}f}".replace("-", MINUS))


def signed(text: Text, value: Number) -> Text:
    """Put a plus before what is positive, and both before nothing."""
    sign = "" if value < 0 else "+" if value else "±"
    return Text(f"{sign}{text.ja}", f"{sign}{text.en}")


def percent(value: Number | None) -> Text:
    """Write a fraction as percent with one decimal.

    >>> percent(0.5684).ja
    '56.8%'
    """
    return NONE if value is None else same(f"{float(value) * 100:,.1f}%".replace("-", MINUS))


def probability(value: Number | None) -> Text:
    """Write a probability without pretending certainty.

    >>> probability(0.001).en
    '< 1%'
    """
    if value is None:
        return NONE
    if value < 0.01:
        return Text("1%未満", "< 1%")
    if value > 0.99:
        return Text("99%超", "> 99%")
    return same(f"{float(value) * 100:.0f}%")


def money(value: Number | None, currency: str) -> Text:
    """Write an amount of the agreed currency.

    >>> money(31200000, "JPY").ja
    '31,200,000円'
    """
    if value is None:
        return NONE
    digits = 0 if currency in WHOLE_UNIT_CURRENCIES else 2
    amount = f"{abs(float(value)):,.{digits}f}"
    sign = MINUS if value < 0 else ""
    foreign = f"{sign}{SYMBOLS.get(currency, currency + ' ')}{amount}"
    return Text(f"{sign}{amount}円", foreign) if currency == "JPY" else same(foreign)


def short_amount(value: Number, digits: int = 0) -> Text:
    """Write a large figure in as few signs as tell it: an axis or a narrow column has no room for more.

    >>> short_amount(29_000_000), short_amount(1_234_567_890, 1)
    (Text(ja='2,900万', en='29M'), Text(ja='12.3億', en='1,234.6M'))
    """
    size = abs(float(value))
    unit, sign = (100_000_000, "億") if size >= 100_000_000 else (10_000, "万")
    written = f"{float(value) / unit:,.{digits if unit > 10_000 else 0}f}"
    return Text(f"{written}{sign}".replace("-", MINUS), f"{float(value) / 1e6:,.{digits}f}M".replace("-", MINUS))


def figure(value: Number | None, unit: str, currency: str, *, digits: int = 0) -> Text:
    """Write a KPI's value in its unit; `digits` is for counts that are estimates."""
    if value is None:
        return NONE
    match unit:
        case "fraction":
            return percent(value)
        case "money":
            return money(value, currency)
        case "money_per_day":
            amount = money(value, currency)
            return Text(f"{amount.ja}/日", f"{amount.en}/day")
        case "days":
            text = number(value, 1)
            return Text(f"{text.ja}日", f"{text.en} days")
        case _:
            return number(value, digits)


def gap(value: Number | None, unit: str, currency: str) -> Text:
    """Write a difference with its sign; a difference of rates is in percentage points."""
    if value is None:
        return NONE
    if unit == "fraction":
        points = number(float(value) * 100, 1)
        return signed(Text(f"{points.ja}pt", f"{points.en} pt"), value)
    return signed(figure(value, unit, currency, digits=1), value)


def day(value: date | None) -> Text:
    """Write a day with its year.

    >>> day(date(2026, 11, 20)).ja
    '2026年11月20日(金)'
    """
    if value is None:
        return NONE
    return Text(
        f"{value.year}年{value.month}月{value.day}日({WEEKDAYS_JA[value.weekday()]})",
        f"{value:%a} {value.day} {value:%b} {value.year}",
    )


def short_day(value: date | None) -> Text:
    """Write a day of this year or the next.

    >>> short_day(date(2026, 11, 20)).en
    'Fri 20 Nov'
    """
    if value is None:
        return NONE
    return Text(f"{value.month}/{value.day}({WEEKDAYS_JA[value.weekday()]})", f"{value:%a} {value.day} {value:%b}")


def moment(value: datetime | None, zone: ZoneInfo) -> Text:
    """Write a time of day in the team's zone, to the minute."""
    if value is None:
        return NONE
    local = value.astimezone(zone)
    return Text(
        f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}",
        f"{local.day} {local:%b} {local.year}, {local:%H:%M}",
    )


def period(kind: str, start: date, end: date) -> Text:
    """Name a half-open period.

    >>> period("fiscal_year", date(2026, 4, 1), date(2027, 4, 1)).ja
    '2026年度'
    """
    last = date.fromordinal(end.toordinal() - 1)
    match kind:
        case "month":
            return Text(f"{start.year}年{start.month}月", f"{start:%B} {start.year}")
        case "quarter":
            return Text(f"{start.year}年{start.month}〜{last.month}月期", f"{start:%b}–{last:%b} {last.year}")
        case "fiscal_year":
            return Text(f"{start.year}年度", f"FY {start.year} ({start:%b %Y}–{last:%b %Y})")
        case _:
            begin, finish = short_day(start), short_day(last)
            return Text(f"{begin.ja}〜{finish.ja}", f"{begin.en}–{finish.en}")
