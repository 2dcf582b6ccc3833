// A rep's own page, at #rep=<id>: own numbers, deadlines and meetings, and nobody else's.
if (board) {
  const { data, el, both, word, name, add, cell, head, figure, value, meetings, record, reasons, day, MEETING } = board;
  const page = document.getElementById("rep-page");
  const byId = (id) => document.getElementById(id);
  const month = (row, place) => row[0] === place;
  const tile = (rep, rows, common) => (measure, at) => {
    const sums = add(rows)[at];
    const own = (data.own[data.lists.rep[rep][0]] ?? []).find(([place]) => place === at);
    const counts = measure.divided && measure.unit === "fraction" ? el("small", {}, `${sums[0]} / ${sums[1]}`) : null;
    const target = own ? el("small", {}, both(word("target")), " ", both(own[1]), " ", el("span", { className: "chip s-" + own[2] }, own[3] + " ", both([own[4], own[5]]))) : null;
    return el("div", {}, el("dt", {}, both(measure.label)), el("dd", {}, el("b", {}, both(figure(measure.unit, value(measure, sums, common[at])))), counts, target));
  };
  const pending = (rows) => {
    const table = byId("rep-pending");
    const waiting = rows.filter((one) => data.verdicts[one[MEETING.verdict]][0] === "pending").sort((a, b) => data.lists.day[a[MEETING.until]]?.[0].localeCompare(data.lists.day[b[MEETING.until]]?.[0] ?? ""));
    table.tHead.replaceChildren(head(word("until"), word("meeting"), word("held"), word("awaited")));
    table.tBodies[0].replaceChildren(...waiting.map((one) => el("tr", {}, el("td", { className: "nowrap" }, el("b", {}, both(day(one[MEETING.until])))), el("th", { scope: "row", className: "id" }, record(one)), el("td", { className: "nowrap" }, both(day(one[MEETING.day]))), el("td", { className: "ev" }, reasons(one)))));
    table.caption.replaceChildren(both(waiting.length ? word("shown_of", { total: waiting.length, count: waiting.length }) : word("no_pending")));
  };
  const show = (rep) => {
    const rows = data.facts.filter((row) => row[1] === rep);
    byId("rep-title").replaceChildren(both(name("rep", rep)));
    byId("rep-team").replaceChildren(...(rows.length ? [both(name("team", rows[0][2])), " · ", both(data.months[0])] : []));
    const commons = data.months.map((_, place) => add(data.facts.filter((row) => month(row, place))));
    byId("rep-tiles").replaceChildren(...data.measures.map(tile(rep, rows.filter((row) => month(row, 0)), commons[0])));
    const own = data.meetings.filter((one) => one[MEETING.rep] === rep);
    pending(own);
    meetings(byId("rep-meetings"), page.querySelector(".more"), own, false);
    const table = byId("rep-months");
    table.tHead.replaceChildren(head(word("month"), ...data.measures.map((measure) => measure.label)));
    table.tHead.querySelectorAll("th + th").forEach((one) => { one.className = "num"; });
    table.tBodies[0].replaceChildren(...data.months.map((text, place) => el("tr", {}, el("th", { scope: "row" }, both(text)), ...data.measures.map((measure, at) => cell(measure, add(rows.filter((row) => month(row, place)))[at], commons[place][at])))));
  };
  const decoded = (text) => { try { return decodeURIComponent(text); } catch { return null; } }; // cut off in a mail
  const follow = () => {
    const asked = location.hash.startsWith("#rep=") ? decoded(location.hash.slice(5)) : null;
    const rep = data.lists.rep.findIndex(([id]) => id === asked);
    const isOn = rep >= 0;
    if (isOn) { show(rep); }
    page.hidden = !isOn;
    document.body.classList.toggle("on-rep", isOn);
    if (isOn) { scrollTo({ top: 0, behavior: "instant" }); byId("rep-title").focus({ preventScroll: true }); } else if (location.hash === "#breakdown") { byId("breakdown").scrollIntoView(); }
  };
  document.querySelectorAll("[data-rep]").forEach((one) => {
    if (!data.lists.rep.some(([id]) => id === one.dataset.rep)) { return; }
    const link = el("a", { href: "#rep=" + encodeURIComponent(one.dataset.rep) });
    link.append(...one.childNodes);
    one.append(link);
  });
  addEventListener("hashchange", follow);
  follow();
}
