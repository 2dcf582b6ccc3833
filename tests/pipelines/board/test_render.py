import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from types import ModuleType

import pytest
import sqlalchemy as sa

from definitions_contract.schema import Agreement
from models import tables as t
from pipelines.board import formats

Render = Callable[..., str]
MAXIMUM_BYTES = 1_500_000
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"
VOID_TAGS = frozenset({"meta", "link", "input", "br", "img"})


class Page(HTMLParser):
    """What stands where: attributes in order, texts by the id they stand in, balance of tags."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: dict[str, str] = {}
        self.tags: list[str] = []
        self.ids: list[str] = []
        self._open: list[tuple[str, str | None, str | None]] = []
        self.feed(html)
        self.unclosed = [tag for tag, _, _ in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in values.items()]
        self.ids += [values["id"]] if "id" in values else []
        if tag not in VOID_TAGS:
            self._open.append((tag, values.get("id"), values.get("lang")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID_TAGS:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open
        assert self._open[-1][0] == tag, f"</{tag}> closes <{self._open[-1][0]}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        language = next((lang for tag, _, lang in reversed(self._open) if lang and tag != "html"), "en")
        if language == "en":
            for _, identity, _ in self._open:
                if identity:
                    self.texts[identity] = self.texts.get(identity, "") + data


def outside_references(page: Page) -> Iterator[str]:
    for tag, name, value in page.attributes:
        is_resource = name in {"src", "srcset", "data", "poster", "action", "background"} or (tag, name) == (
            "link",
            "href",
        )
        if is_resource and not value.startswith("data:"):
            yield f"<{tag} {name}={value}>"


def change(connection: sa.Connection, table: sa.Table, **values: object) -> None:
    connection.execute(table.update().values(**values))


def test_a_teams_own_kpi_stands_in_its_phase(
    connection: sa.Connection, agreement: Agreement, render: Render, demo: ModuleType
) -> None:
    standard = next(kpi for kpi in agreement.kpis.kpis if kpi.id == "meetings_held")
    own = standard.model_copy(
        update={"id": "long_talks", "label": standard.label.model_copy(update={"en": "Long talks"})}
    )
    kpis = agreement.kpis.model_copy(update={"kpis": (*agreement.kpis.kpis, own)})
    c = t.kpi_periods.c
    shown = (c.kpi_id == standard.id, c.period_end > demo.AS_OF, c.scope_kind != "rep")
    held = connection.execute(sa.select(t.kpi_periods).where(*shown))
    rows = [{**row, "kpi_id": own.id, "actual": 4321.0} for row in held.mappings()]
    connection.execute(t.kpi_periods.insert(), rows)

    html = render(connection, agreed=agreement.model_copy(update={"kpis": kpis}))

    phases = Page(html).texts["phases"]
    assert phases.count("Long talks") == len({row["period_kind"] for row in rows})
    assert phases.count("4,321") == len(rows)


def test_the_head_shows_the_tables_numbers(html: str, connection: sa.Connection, demo: ModuleType) -> None:
    row = connection.execute(
        sa.select(t.divergence).where(
            t.divergence.c.scope_kind == "department", t.divergence.c.evaluated_date == demo.AS_OF
        )
    ).one()

    shown = Page(html).texts

    assert shown["head-actual"] == f"{row.actual:.0f}" == "71"
    assert shown["head-target"] == f"{row.target:.0f}" == "125"
    assert shown["head-expected"] == f"{row.expected_to_date:.1f}"
    assert shown["head-gap"] == f"Gap −{row.expected_to_date - row.actual:.1f}"
    assert shown["head-forecast"] == f"{row.forecast:.0f}"
    assert shown["head-band"] == f"{row.forecast_lower:.0f}–{row.forecast_upper:.0f}"
    assert shown["head-p"] == "< 1%"


@pytest.mark.parametrize(
    ("p_reach", "shown"),
    [
        pytest.param(0.0, "< 1%", id="never said to be impossible"),
        pytest.param(0.01, "1%", id="one percent is a figure"),
        pytest.param(0.5, "50%", id="half"),
        pytest.param(1.0, "> 99%", id="never said to be certain"),
        pytest.param(None, "–", id="not known"),
    ],
)
def test_a_probability_claims_no_certainty(
    connection: sa.Connection, render: Render, p_reach: float | None, shown: str
) -> None:
    change(connection, t.divergence, p_reach=p_reach)

    assert Page(render(connection)).texts["head-p"] == shown


def test_what_changed_begins_with_the_one_kpi_also_when_it_stood_still(
    connection: sa.Connection, render: Render, demo: ModuleType
) -> None:
    before = t.snapshots.c.known_date < demo.AS_OF
    is_current = t.snapshots.c.kpi_id == "valid_meetings"
    connection.execute(t.snapshots.update().where(before, is_current).values(value=demo.VALID))

    moves = re.search(r'<ul class="plain moves">(.*?)</ul>', render(connection), re.DOTALL)

    assert moves is not None
    first, second = re.findall(r'href="#kpi-(\w+)"', moves[1])[:2]
    assert (first, second) == ("valid_meetings", "meetings_booked")
    assert f"{demo.VALID} → <b>{demo.VALID}</b>" in moves[1]


def test_the_pace_chart_ends_at_the_number_in_the_head(html: str, demo: ModuleType) -> None:
    labels = re.findall(r'class="now-label"[^>]*>([^<]+)<', html)

    assert labels == [str(demo.VALID)] * 2


def test_the_shown_parts_of_the_gap_add_up_to_the_shown_gap(html: str) -> None:
    body = re.search(r'<table class="waterfall">.*?</table>', html, re.DOTALL)
    assert body is not None
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">.*?</th><td class=\"num\">([−+]?[\d.]+)</td>", body[0], re.DOTALL)
    start, *parts, total, end = [float(figure.replace("−", "-")) for figure in rows]

    assert len(parts) > 2
    assert sum(parts) == pytest.approx(total, abs=0.05 * len(parts))
    assert start + total == pytest.approx(end, abs=0.1)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        pytest.param(t.reps, "name", id="name of a rep"),
        pytest.param(t.meetings, "reject_reason", id="reject reason"),
        pytest.param(t.kpi_daily, "lead_source", id="lead source"),
        pytest.param(t.kpi_daily, "response_method", id="response method"),
        pytest.param(t.causes, "evidence", id="evidence"),
        pytest.param(t.meeting_verdicts, "crm_url", id="address of a record"),
        pytest.param(t.alerts, "acknowledged_why", id="acknowledgement"),
        pytest.param(t.quarantine, "reason", id="quarantine reason"),
        pytest.param(t.check_results, "detail", id="result of a check"),
        pytest.param(t.calendar, "holiday", id="name of a holiday"),
        pytest.param(t.phase_status, "figure", id="figure of a gate"),
        pytest.param(t.plan, "assumptions", id="assumptions of the plan"),
    ],
)
def test_hostile_text_is_shown_and_never_run(
    connection: sa.Connection, render: Render, table: sa.Table, column: str
) -> None:
    change(connection, table, **{column: HOSTILE})

    page = Page(render(connection))

    assert page.tags.count("script") == 2  # the page's data, and its own script
    assert "img" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("JaVaScRiPt:alert(1)", id="script in mixed case"),
        pytest.param("data:text/html,<b>x</b>", id="data"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("http://[broken", id="malformed"),
        pytest.param("", id="empty"),
    ],
)
def test_only_a_web_address_becomes_a_link(connection: sa.Connection, render: Render, address: str) -> None:
    change(connection, t.meeting_verdicts, crm_url=address)
    change(connection, t.meetings, crm_url=address)
    change(connection, t.disagreements, crm_url=address)

    links = [value for tag, name, value in Page(render(connection)).attributes if (tag, name) == ("a", "href")]

    assert all(link.startswith("#") for link in links)


def test_evidence_links_into_the_crm(html: str) -> None:
    links = [value for tag, name, value in Page(html).attributes if (tag, name) == ("a", "href") and value[0] != "#"]

    assert links
    assert all(link.startswith("http://127.0.0.1:4180/meetings/") for link in links)


def test_the_page_needs_nothing_from_outside(html: str) -> None:
    page = Page(html)

    assert list(outside_references(page)) == []
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_the_page_is_small_enough_for_mail(html: str) -> None:
    assert len(html.encode()) < MAXIMUM_BYTES / 3


def test_every_tag_is_closed_and_every_id_is_used_once(html: str) -> None:
    page = Page(html)
    named = {value for _, name, value in page.attributes if name in {"aria-labelledby", "for"}}

    assert page.unclosed == []
    assert len(page.ids) == len(set(page.ids))
    assert named <= set(page.ids)
    assert {value[1:] for _, name, value in page.attributes if name == "href" and value.startswith("#")} <= set(
        page.ids
    )


def test_every_table_has_a_caption(html: str) -> None:
    tags = Page(html).tags

    assert tags.count("table") == tags.count("caption") > 10


def test_both_languages_say_as_much(html: str) -> None:
    assert html.count('lang="ja"') - html.count('<html lang="ja"') == html.count('lang="en"')


def test_the_same_rows_give_the_same_page(connection: sa.Connection, render: Render) -> None:
    assert render(connection) == render(connection)


def test_reps_stand_in_the_order_of_their_names(html: str, demo: ModuleType) -> None:
    table = re.search(r'<caption id="by-rep">.*?</table>', html, re.DOTALL)
    assert table is not None
    names = re.findall(r'<th scope="row" data-rep="[^"]+">(.*?)</th>', table[0])

    assert names == sorted(name for name, _ in demo.REPS.values())


def test_a_rep_whose_part_is_within_noise_is_not_named_as_a_cause(
    connection: sa.Connection, render: Render, demo: ModuleType
) -> None:
    rep = "hubspot:103"
    name = demo.REPS[rep][0]
    is_rep = t.causes.c.part == rep

    def causes_text() -> str:
        return render(connection).split('id="diverges"')[1].split('id="verdicts"')[0]

    assert name not in causes_text()
    connection.execute(t.causes.update().where(is_rep).values(is_significant=True))
    assert name in causes_text()


def test_an_alert_under_its_parent_s_is_folded_away(html: str) -> None:
    alerts = html.split('id="alerts-title"')[1].split("</section>")[0]
    shown, folded = alerts.split("2 covered by the alert of their team or department")

    assert "Inside sales East" not in shown
    assert "Inside sales East" in folded


def test_an_alert_says_what_to_do_and_has_its_commands_to_copy(html: str) -> None:
    alert = _details(html, "act")

    assert " object at 0x" not in html  # no name of a word is that of a dictionary's own method
    for words in (
        "確認済みにする",
        "Take it on",
        ">コピー<",
        ">Copy<",
        "docs/guides/when-an-alert-comes.md#target-off",
    ):
        assert words in alert
    for command in ("kpi alerts ack ", "kpi alerts snooze ", "kpi explain alert "):
        # as it can be typed here: by its name, or by its path where the name is on no path
        assert len(re.findall(rf'<code>(?:<span lang="ja">)?(?:\.venv/bin/)?{command}', alert)) == 1
    assert re.findall(r"--until (\d{4}-\d\d-\d\d)", alert) == ["2026-11-27"] * 2  # a week on, in both languages


def test_an_alert_shows_the_change_to_the_last_month_with_parts_that_add_up(html: str) -> None:
    change = _details(html, "change")

    assert "先月の同じ割合" in change
    assert "Same share of last month" in change
    waterfall = change[change.index('class="waterfall"') : change.index("</table>")]
    figures = re.findall(r'<td class="num">([^<]*)</td>', waterfall)
    parts = [float(one.replace("−", "-").replace("+", "")) for one in figures[1:-1]]
    assert sum(parts[:-1]) == pytest.approx(parts[-1], abs=0.35)  # each is rounded to a tenth


def _details(html: str, name: str) -> str:
    start = html.index(f'<details class="{name}">')
    return html[start : html.index("</li>", start)]


def test_verdicts_add_up_to_the_meetings_of_the_month(html: str, connection: sa.Connection, demo: ModuleType) -> None:
    verdicts = t.meeting_verdicts.c
    in_month = (verdicts.counted_date >= demo.MONTH) & (verdicts.counted_date <= demo.AS_OF)
    counted = connection.execute(
        sa.select(sa.func.count()).select_from(t.meeting_verdicts).where(in_month)
    ).scalar_one()

    key = re.search(r'<ul class="stack-key">.*?</ul>', html, re.DOTALL)
    assert key is not None
    counts = [int(figure) for figure in re.findall(r'<b class="num">(\d+)</b>', key[0])]

    assert counts[0] == demo.VALID
    assert sum(counts) == counted


def test_an_empty_warehouse_says_what_to_do(empty_connection: sa.Connection, render: Render) -> None:
    html = render(empty_connection)

    assert "kpi nightly" in html
    assert "No numbers yet" in html
    assert "expect_column_values_to_be_in_set" in html  # the agreement stands without any data
    assert Page(html).unclosed == []


def test_without_targets_the_actual_stands_alone(connection: sa.Connection, render: Render, demo: ModuleType) -> None:
    for table in (t.divergence, t.causes, t.alerts, t.plan, t.pace_weights):
        connection.execute(table.delete())
    change(connection, t.kpi_periods, target=None, expected_to_date=None, attainment=None, status="no_target")

    shown = Page(render(connection)).texts

    assert shown["head-actual"] == str(demo.VALID)
    assert "head-target" not in shown


SHOWN_TABLES = {name: table for name, table in t.metadata.tables.items() if table.schema in {"kpi", "ops"}}


@pytest.mark.parametrize("table", SHOWN_TABLES.values(), ids=SHOWN_TABLES)
def test_any_one_table_may_be_empty(connection: sa.Connection, render: Render, table: sa.Table) -> None:
    connection.execute(table.delete())

    assert Page(render(connection)).unclosed == []


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(date(2026, 11, 1), id="first day of a month"),
        pytest.param(date(2026, 11, 30), id="last day of a month"),
        pytest.param(date(2026, 12, 1), id="a month without records"),
    ],
)
def test_every_day_of_a_month_has_a_board(connection: sa.Connection, render: Render, day: date) -> None:
    assert Page(render(connection, as_of=day)).unclosed == []


@pytest.mark.parametrize("kpi_id", ["valid_rate", "calls_made", "won_amount", "gone_from_the_agreement"])
def test_any_kpi_can_be_the_current_one(
    connection: sa.Connection, render: Render, agreement: Agreement, kpi_id: str
) -> None:
    phases = agreement.phases.model_copy(update={"current_kpi": kpi_id})

    html = render(connection, agreed=agreement.model_copy(update={"phases": phases}))

    assert Page(html).unclosed == []


@pytest.mark.parametrize(
    ("days", "told"),
    [
        pytest.param((0, 1), "the next deadline is", id="one is over, the next is told"),
        pytest.param((0, 0), "their deadline is over", id="all are over when the page is read"),
    ],
)
def test_no_deadline_is_told_that_is_over_when_the_page_is_read(
    render: Render, connection: sa.Connection, demo: ModuleType, days: tuple[int, int], told: str
) -> None:
    verdict = t.meeting_verdicts.c
    waiting = connection.scalars(sa.select(verdict.meeting_id).where(verdict.verdict == "pending")).all()
    for place, meeting_id in enumerate(waiting):
        until = demo.AS_OF + timedelta(days=days[min(place, 1)])
        connection.execute(
            t.meeting_verdicts.update().where(verdict.meeting_id == meeting_id).values(pending_until_date=until)
        )

    html = render(connection)

    assert len(waiting) > 1
    assert told in html
    if any(days):
        assert f"the next deadline is {formats.short_day(demo.AS_OF + timedelta(days=1)).en}" in html
