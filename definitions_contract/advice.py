"""What to do about each kind of mistake, in both languages."""

from definitions_contract.schema import Label

ADD_FILE = Label(ja="ファイルを追加してください。", en="add the file")
RENAME_FILE = Label(
    ja="ファイル名を直すか、フォルダーから出してください。", en="rename the file or move it out of the folder"
)
MATCH_FILE_NAME = Label(ja="ファイル名と内容をそろえてください。", en="make the file name and its content agree")
CLOSE_GAP = Label(ja="欠けている版を追加してください。", en="add the missing version; versions count up from 1")
LATER_START = Label(
    ja="新しい版は前の版より後の日から始めてください。", en="start a version after the first day of the one before it"
)
ADD_KEY = Label(ja="この項目を追加してください。", en="add the key")
USE_ALLOWED = Label(ja="許されるもののどれかにしてください。", en="use one of the allowed values")
USE_KIND = Label(ja="値の種類を直してください。", en="write a value of that kind")
DEFINE_OR_CORRECT = Label(
    ja="綴りを直すか、先にその項目を定義してください。", en="correct the name, or define it first where it belongs"
)
MAKE_UNIQUE = Label(ja="重複を取り除いてください。", en="remove or rename the second one")
SEPARATE_SPANS = Label(
    ja="期間が重ならないように since / until を直してください。",
    en="change since or until so that only one holds on each day",
)
REMOVE_KEY = Label(ja="この項目を取り除いてください。", en="remove the key")
ONE_MATCHER = Label(
    ja="email・crm_team・crm_role のどれか一つを書いてください。", en="give exactly one of email, crm_team and crm_role"
)
NAME_DEFINITION = Label(
    ja="verdict を数える KPI には definition を書いてください。", en="name the definition whose verdict is counted"
)
COUNT_ON_SAME_DAY = Label(
    ja="定義の counted_on と同じ日付の列を使ってください。",
    en="count on the day by which the definition's version is chosen",
)
SUM_ONE_CURRENCY = Label(
    ja="agreed_amount を使ってください。amount は案件ごとの通貨なので、足すと円とドルが混ざります。",
    en="add up agreed_amount: amount is in each deal's own currency, and its sum would mix yen with dollars",
)
CORRECT_EXAMPLE = Label(
    ja="例か規則のどちらかを直してください。全部署が署名するのは両方です。",
    en="correct the example or the rules; departments sign both",
)
SIMPLE_REGEX = Label(
    ja="先読み・後読み・後方参照は使えません。", en="leave out look-around and back references; the database has none"
)
SIMPLER_CONDITION = Label(
    ja="許される列・演算だけで書いてください。種類の違う値は比べられません。",
    en="write it with allowed parts only; both sides of a comparison are of one kind",
)
WAIT_BY_NULL = Label(
    ja="取り除いてください。条件が NULL になるときに未回答とみなします。",
    en="remove it: the condition itself says that there is no answer yet, by being NULL",
)
SHORTEN = Label(ja="条件を短くするか、規則を分けてください。", en="shorten the condition, or make two rules of it")
JUDGE_THE_SAME = Label(
    ja="別の種類の記録を判定するなら、別の名前の定義にしてください。",
    en="what judges another kind of record is another definition; give it a name of its own",
)
ADD_CRITICAL = Label(
    ja="判定を決める規則（severity: critical）を一つ以上書いてください。",
    en="write at least one rule with severity critical; warnings decide nothing",
)
LAST_HAS_NO_GATE = Label(
    ja="最後のフェーズ以外に gate を書いてください。", en="every phase but the last has a gate, and the last has none"
)
ONE_SIGNATURE = Label(
    ja="署名は `kpi contract sign` で書き直してください。", en="let `kpi contract sign` write signatures"
)
UNNEEDED_HERE = Label(
    ja="値がないことが正解の規則では、待つものがありません。",
    en="remove it: this rule passes when there is no value, so there is nothing to wait for",
)


SEAL_MISSING = Label(
    ja="鍵のある部署の署名には封印 (.sig) が必要です。`kpi contract sign --key` で署名してください。",
    en="the department has keys, and no seal (.sig) stands beside the file; sign with `kpi contract sign --key`",
)
SEAL_WRONG = Label(
    ja="封印 (.sig) がこの署名に合いません。`kpi contract sign --key` で署名し直してください。",
    en="the seal (.sig) is not for this signature by one of the department's keys; sign again with `kpi contract sign --key`",
)
MAY_SIGN = Label(
    ja="署名者か、team.yaml の signatories を直してください。",
    en="let somebody sign who may, or correct the signatories in team.yaml",
)
PUBLIC_KEY = Label(
    ja="公開鍵（.pub ファイルの一行）を書いてください。秘密鍵は書かないでください。",
    en="write the public key, the one line of the .pub file; never the private one",
)


def did_you_mean(close: str) -> Label:
    """Suggest the nearest name."""
    return Label(ja=f"「{close}」ではありませんか。", en=f"did you mean {close}?")
