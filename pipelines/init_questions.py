"""What does `kpi init` ask, what is a good answer, and what is taken when nobody says anything?"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.settings import Crm, checked_url, checked_zone
from definitions_contract.periods import is_country_known
from definitions_contract.schema import Label

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
FIELD = re.compile(r"[A-Za-z]\w*(\.\w+)*")
CURRENCY = re.compile(r"[A-Z]{3}")
YES, NO = frozenset({"y", "yes", "はい"}), frozenset({"n", "no", "いいえ"})
LOGINS = ("client_credentials", "jwt", "password")
DEPARTMENTS = ("inside_sales", "field_sales", "marketing", "operations")
FIRST_SYNC = timedelta(days=31)  # a month is read in minutes, and is enough for a first board

Given = Mapping[str, Any]

# fields of a meeting that every organisation names for itself; the agreement's rules may ask them
OWN_FIELDS: Mapping[str, Label] = {
    "outcome": Label(
        en="How it went (booked, held, no show, cancelled, rescheduled)",
        ja="結果（予定・実施・無断欠席・取消・日程変更）",
    ),
    "booked_by_crm_id": Label(en="Who booked it (a user)", ja="商談を獲得した人（ユーザー）"),
    "field_sales_feedback": Label(
        en="Field sales' answer (accepted, rejected)", ja="フィールドセールスの回答（受入・却下）"
    ),
    "decision_maker_present": Label(en="Was the decision maker there (yes, no)", ja="決裁者の同席（はい・いいえ）"),
    "response_method": Label(en="How the lead was handled (phone, e-mail ...)", ja="対応方法（電話・メールなど）"),
}
STANDARD_THERE = {Crm.HUBSPOT: {"outcome"}, Crm.SALESFORCE: set[str]()}  # what the CRM has without a field of your own


def _is_true(_answers: Given) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to be known. `read` takes the text of an answer and raises AnswerError with what is allowed."""

    name: str
    words: Label
    read: Callable[[str], Any]
    default: Callable[[Given, date], str]
    is_asked: Callable[[Given], bool] = _is_true


class AnswerError(ValueError):
    """This is no answer to the question; the words say what is."""

    def __init__(self, *, en: str, ja: str) -> None:
        super().__init__(en)
        self.words = Label(en=en, ja=ja)


def own_fields(crm: Crm) -> tuple[str, ...]:
    """The fields of a meeting that a CRM has only when somebody made them."""
    return tuple(name for name in OWN_FIELDS if name not in STANDARD_THERE[crm])


def _narrow(text: str) -> str:
    """What a Japanese keyboard writes wide, as plain letters and digits; for codes and figures, never for names."""
    return unicodedata.normalize("NFKC", text).strip()


# --- reading answers --------------------------------------------------------------------------------------------------


def read_crms(text: str) -> tuple[Crm, ...]:
    """Read the CRMs, the leading one first.

    >>> read_crms("salesforce, hubspot")
    (<Crm.SALESFORCE: 'salesforce'>, <Crm.HUBSPOT: 'hubspot'>)
    """
    names = tuple(dict.fromkeys(read_list(text.lower())))
    if not names or not set(names) <= set(Crm):
        raise AnswerError(
            en="hubspot, salesforce, files, or several of them with commas",
            ja="hubspot、salesforce、files のどれか（複数はカンマ区切り）",
        )
    return tuple(map(Crm, names))


def read_list(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(part.strip() for part in re.split("[,、，]", text) if part.strip())


def read_names(text: str) -> tuple[str, ...]:
    """Read at least one name."""
    names = read_list(text)
    if not names:
        raise AnswerError(en="at least one name; several with commas", ja="名前を一つ以上（複数はカンマ区切り）")
    return names


def read_address(text: str) -> str:
    """Read a CRM's address."""
    bare = text.strip()
    try:
        return checked_url(bare if "://" in bare or bare == "sandbox" else f"https://{bare}")
    except ValueError as error:
        raise AnswerError(
            en=f"{error}; nothing behind the name of the host",
            ja="https:// で始まるアドレス（ホスト名まで）、http://127.0.0.1:ポート、sandbox のどれか",
        ) from error


def read_hubspot_address(text: str) -> str:
    """Read HubSpot's address; that of its pages is no API's."""
    address = read_address(text)
    if re.search(r"//app[\w-]*\.hubspot\.com$", address):
        raise AnswerError(
            en="that is the address of HubSpot's pages; the API's is https://api.hubapi.com",
            ja="それは画面のアドレスです。API は https://api.hubapi.com",
        )
    return address


def read_salesforce_address(text: str) -> str:
    """Read Salesforce's My Domain address; those of its pages and of the common login serve no client credentials.

    >>> read_salesforce_address("yours.my.salesforce.com")
    'https://yours.my.salesforce.com'
    """
    address = read_address(text)
    is_page = address.endswith(("lightning.force.com", "//login.salesforce.com", "//test.salesforce.com"))
    if is_page or (address != "sandbox" and "." not in address):
        raise AnswerError(
            en="the My Domain address, such as https://yours.my.salesforce.com (Setup, My Domain), or sandbox",
            ja="「私のドメイン」のアドレス。例: https://yours.my.salesforce.com（設定の「私のドメイン」）、または sandbox",
        )
    return address


def read_zone(text: str) -> str:
    """Read a time zone."""
    try:
        return checked_zone(text.strip())
    except ValueError as error:
        raise AnswerError(en=str(error), ja="Asia/Tokyo のようなタイムゾーン名") from error


def read_variable(text: str) -> str:
    """Read the NAME of an environment variable; a secret typed by mistake is refused and not repeated."""
    if not VARIABLE.fullmatch(text.strip()):
        raise AnswerError(
            en="the NAME of an environment variable, such as HUBSPOT_ACCESS_TOKEN; never the secret itself",
            ja="環境変数の「名前」。例: HUBSPOT_ACCESS_TOKEN（秘密情報そのものは入力しません）",
        )
    return text.strip()


def read_login(text: str) -> str:
    """Read one of the ways to log in to Salesforce."""
    if text.strip() not in LOGINS:
        names = ", ".join(LOGINS)
        raise AnswerError(en=f"one of {names}", ja=f"{names} のどれか")
    return text.strip()


def read_country(text: str) -> str:
    """Read a country whose public holidays are known."""
    code = _narrow(text).upper()
    if not is_country_known(code):
        raise AnswerError(en="an ISO 3166 code such as JP", ja="JP のような国コード（ISO 3166）")
    return code


def read_month(text: str) -> int:
    """Read the number of a month."""
    if not text.strip().isdecimal() or not 1 <= int(text) <= 12:
        raise AnswerError(en="the number of a month, 1 to 12", ja="月の数字、1 から 12")
    return int(text)


def read_currency(text: str) -> str:
    """Read a currency."""
    code = _narrow(text).upper()
    if not CURRENCY.fullmatch(code):
        raise AnswerError(en="an ISO 4217 code such as JPY", ja="JPY のような通貨コード（ISO 4217）")
    return code


def read_departments(text: str) -> tuple[str, ...]:
    """Read who agrees: inside and field sales always."""
    found = set(read_list(text))
    if not {"inside_sales", "field_sales"} <= found <= set(DEPARTMENTS):
        raise AnswerError(
            en="inside_sales and field_sales; also, if they sign, marketing and operations",
            ja="inside_sales と field_sales。署名するなら marketing と operations も",
        )
    return tuple(name for name in DEPARTMENTS if name in found)


def read_day(text: str) -> date:
    """Read a day that has begun, somewhere."""
    try:
        day = date.fromisoformat(_narrow(text).replace("/", "-"))
    except ValueError as error:
        raise AnswerError(en="a day such as 2026-04-01", ja="2026-04-01 のような日付") from error
    if day > datetime.now(UTC).date() + timedelta(days=1):
        raise AnswerError(
            en=f"a day that has begun: before {day} nothing would be read", ja=f"過去の日付（{day} より前は読みません）"
        )
    return day


def read_goal(text: str) -> Decimal | None:
    """Read an amount, or nothing yet.

    >>> read_goal("350,000,000"), read_goal("３５０，０００"), read_goal("")
    (Decimal('350000000'), Decimal('350000'), None)
    """
    plain = re.sub("[,_、 ]", "", _narrow(text))
    if not plain:
        return None
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise AnswerError(
            en="an amount above 0 in digits, such as 350000000, or nothing",
            ja="0 より大きい金額を数字で。例: 350000000（空でも可）",
        )
    return amount


def read_field(text: str) -> tuple[Crm, str, str]:
    """Read CRM.OURS=THEIRS.

    >>> read_field("hubspot.field_sales_feedback=fs_feedback")
    (<Crm.HUBSPOT: 'hubspot'>, 'field_sales_feedback', 'fs_feedback')
    """
    left, _, theirs = text.partition("=")
    crm, _, ours = left.strip().partition(".")
    allowed = {f"{known}.{name}" for known in STANDARD_THERE for name in own_fields(known)}
    if f"{crm}.{ours}" not in allowed or not FIELD.fullmatch(theirs.strip()):
        names = ", ".join(sorted(allowed))
        raise AnswerError(en=f"CRM.OURS=THEIRS, CRM.OURS one of {names}", ja=f"CRM.項目=CRM での名前。左辺は {names}")
    return Crm(crm), ours, theirs.strip()


def read_field_name(text: str) -> str:
    """Read the CRM's own name of a field, or nothing."""
    if text.strip() and not FIELD.fullmatch(text.strip()):
        raise AnswerError(
            en="the field's internal or API name: letters, digits and _, such as booked_by or Booked_By__c; or nothing",
            ja="項目の内部名または API 参照名（英数字と _）。例: booked_by、Booked_By__c（空でも可）",
        )
    return text.strip()


def read_yes(text: str) -> bool:
    """Read yes or no.

    >>> read_yes("Y"), read_yes("いいえ")
    (True, False)
    """
    word = _narrow(text).lower()
    if word not in YES | NO:
        raise AnswerError(en="y or n", ja="y または n")
    return word in YES


# --- the questions, in the order they are asked -----------------------------------------------------------------------


def _asks(crm: Crm) -> Callable[[Given], bool]:
    return lambda answers: crm in answers["crm"]


def _asks_secrets(crm: Crm) -> Callable[[Given], bool]:
    return lambda answers: crm in answers["crm"] and answers[f"{crm}_url"] != "sandbox"


def _same(text: str) -> Callable[[Given, date], str]:
    return lambda _answers, _today: text


def _teams(of_sandbox: str, own: str) -> Callable[[Given, date], str]:
    """The demo company's teams where everything asked is the demo company."""
    return lambda answers, _today: of_sandbox if all(_is_demo(crm, answers) for crm in answers["crm"]) else own


def _is_demo(crm: Crm, answers: Given) -> bool:
    """Whether it is the built-in demo company, or the filled example of exports, which has the same teams."""
    name, built_in = ("files_folder", "") if crm == Crm.FILES else (f"{crm}_url", "sandbox")
    return bool(answers[name] == built_in)


QUESTIONS = (
    Question(
        "crm",
        Label(
            en="Which CRMs (hubspot, salesforce, files); the leading one first",
            ja="CRM（hubspot, salesforce, files）、主となるものを先に",
        ),
        read_crms,
        _same("hubspot"),
    ),
    Question(
        "hubspot_url",
        Label(en="HubSpot's address (`sandbox`: the demo company)", ja="HubSpot のアドレス（sandbox はデモ会社）"),
        read_hubspot_address,
        _same("https://api.hubapi.com"),
        _asks(Crm.HUBSPOT),
    ),
    Question(
        "hubspot_token_env",
        Label(
            en="NAME of the environment variable with HubSpot's token", ja="HubSpot のトークンを入れる環境変数の名前"
        ),
        read_variable,
        _same("HUBSPOT_ACCESS_TOKEN"),
        _asks_secrets(Crm.HUBSPOT),
    ),
    Question(
        "salesforce_url",
        Label(
            en="Salesforce's My Domain address (`sandbox`: the demo company)",
            ja="Salesforce の「私のドメイン」のアドレス（sandbox はデモ会社）",
        ),
        read_salesforce_address,
        _same(""),
        _asks(Crm.SALESFORCE),
    ),
    Question(
        "salesforce_login",
        Label(en="Login (client_credentials, jwt, password)", ja="ログイン方法（client_credentials, jwt, password）"),
        read_login,
        _same(LOGINS[0]),
        _asks_secrets(Crm.SALESFORCE),
    ),
    Question(
        "salesforce_env",
        Label(en="Beginning of the NAMES of its environment variables", ja="環境変数の名前の先頭"),
        read_variable,
        _same("SALESFORCE"),
        _asks_secrets(Crm.SALESFORCE),
    ),
    Question(
        "files_folder",
        Label(
            en="Folder of the exports (empty: a filled example to start from)",
            ja="エクスポートのフォルダー（空なら記入例）",
        ),
        str.strip,
        _same(""),
        _asks(Crm.FILES),
    ),
    Question("zone", Label(en="Time zone of the team", ja="チームのタイムゾーン"), read_zone, _same("Asia/Tokyo")),
    Question("country", Label(en="Country whose public holidays count", ja="祝日の国"), read_country, _same("JP")),
    Question(
        "fiscal_year_start", Label(en="First month of the fiscal year", ja="会計年度の最初の月"), read_month, _same("4")
    ),
    Question("currency", Label(en="Currency in which amounts are told", ja="金額の通貨"), read_currency, _same("JPY")),
    Question(
        "departments",
        Label(en="Departments that agree and sign", ja="合意し署名する部署"),
        read_departments,
        _same("inside_sales, field_sales"),
    ),
    Question(
        "inside_teams",
        Label(
            en="Teams of inside sales, as the CRM names them (HubSpot team, Salesforce Department)",
            ja="インサイドセールスのチーム名（HubSpot のチーム、Salesforce の部署のとおり）",
        ),
        read_names,
        _teams("Inside Sales East, Inside Sales West", "Inside Sales"),
    ),
    Question(
        "field_teams",
        Label(en="Teams of field sales, as the CRM names them", ja="フィールドセールスのチーム名"),
        read_names,
        _teams("Field Sales", "Field Sales"),
    ),
    Question(
        "start",
        Label(
            en="First day: records changed before are not read", ja="最初の日（それより前に変更された記録は読みません）"
        ),
        read_day,
        lambda _answers, today: (today - FIRST_SYNC).isoformat(),
    ),
    Question(
        "goal",
        Label(en="Amount to be won in a fiscal year (empty: agreed later)", ja="年間の受注目標額（空なら後で合意）"),
        read_goal,
        _same(""),
    ),
)
