// Shared by the parts below: elements without markup from data (text only), words in both languages, figures, sums.
const board = (() => {
  const holder = document.getElementById("board-data");
  if (!holder) { return null; }
  const data = JSON.parse(holder.textContent);
  const el = (tag, properties, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children.filter((child) => child !== null));
    return node;
  };
  const both = ([ja, en]) => {
    const part = document.createDocumentFragment();
    if (ja === en) { part.append(en); } else { part.append(el("span", { lang: "ja" }, ja), el("span", { lang: "en" }, en)); }
    return part;
  };
  const word = (name, values = {}) => data.words[name].map((text, place) => text.replace(/\{(\w+)\}/g, (_, key) => [values[key]].flat()[place] ?? values[key]));
  const name = (list, place) => data.lists[list][place].slice(1);
  const grouped = (value, digits) => (Math.abs(value) < 10 ** -digits / 2 ? 0 : value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const figure = (unit, value) => {
    if (value === null) { return ["–", "–"]; }
    if (unit === "fraction") { return Array(2).fill(grouped(value * 100, 1) + "%"); }
    if (unit === "money") { return data.money.map((form) => form.replace(/0([.]0+)?/, (_, cents) => grouped(value, cents ? cents.length - 1 : 0))); }
    return Array(2).fill(grouped(value, unit === "days" ? 1 : 0));
  };
  const FIRST = 5; // places before the figures in a row of facts: month, rep, team, source, method
  const COLUMNS = ["month", "rep", "team", "lead_source", "response_method"];
  const add = (rows) => data.measures.map((_, at) => rows.reduce(([top, bottom], row) => [top + row[FIRST + 2 * at], bottom + row[FIRST + 2 * at + 1]], [0, 0]));
  const ratio = ([top, bottom]) => (bottom ? top / bottom : null);
  // A rep's rate is drawn towards the common one of the same rows; see shrinkage.py.
  const value = (measure, sums, common) => {
    if (!measure.divided) { return sums[0]; }
    if (common === undefined || measure.strength === null || !sums[1]) { return ratio(sums); }
    const middle = ratio(common);
    return middle === null ? null : (sums[0] + measure.strength * middle) / (sums[1] + measure.strength);
  };
  const cell = (measure, sums, common) => {
    const counts = measure.divided && measure.unit === "fraction" && sums[1] ? el("small", {}, `${grouped(sums[0], 0)} / ${grouped(sums[1], 0)}`) : null;
    return el("td", { className: "num" }, both(figure(measure.unit, value(measure, sums, common))), counts);
  };
  const head = (...labels) => el("tr", {}, ...labels.map((label) => el("th", { scope: "col" }, both(label))));
  const MEETING = { id: 0, url: 1, month: 2, rep: 3, team: 4, lead_source: 5, response_method: 6, verdict: 7, day: 8, failed: 9, waiting: 10, until: 11, reason: 12 };
  const joined = (texts) => [texts.map(([ja]) => ja).join("、"), texts.map(([, en]) => en).join(", ")];
  const told = (key, rules) => (rules.length ? word(key, { rules: joined(rules) }) : null);
  const reasons = (meeting) => {
    const rules = (place) => meeting[place].map((rule) => name("rule", rule));
    const reason = meeting[MEETING.reason] >= 0 ? [name("reason", meeting[MEETING.reason])] : [];
    const parts = [told("fails", rules(MEETING.failed)), told("waits_for", rules(MEETING.waiting)), told("reason_given", reason)].filter((one) => one);
    return both([parts.map(([ja]) => ja).join(" · "), parts.map(([, en]) => en).join(" · ")]);
  };
  const record = (meeting) => meeting[MEETING.url] ? el("a", { href: meeting[MEETING.url], target: "_blank", rel: "noopener noreferrer" }, meeting[MEETING.id]) : meeting[MEETING.id];
  const day = (place) => (place < 0 ? ["–", "–"] : name("day", place));
  const verdict = (meeting) => {
    const [id, ja, en] = data.verdicts[meeting[MEETING.verdict]];
    return el("span", { className: "verdict" }, el("i", { className: "v-" + id }), both([ja, en]));
  };
  const PAGE = 20;
  // Fills a table of meetings, PAGE at a time, with a button for more.
  const meetings = (table, button, rows, withRep) => {
    const labels = [word("held"), word("meeting"), ...(withRep ? [word("rep")] : []), word("lead_source"), word("verdict"), word("why")];
    table.tHead.replaceChildren(head(...labels));
    const body = table.tBodies[0];
    let shown = PAGE;
    const draw = () => {
      body.replaceChildren(...rows.slice(0, shown).map((one) => el("tr", {},
        el("td", { className: "nowrap" }, both(day(one[MEETING.day]))),
        el("th", { scope: "row", className: "id" }, record(one)),
        withRep ? el("td", { className: "nowrap" }, both(name("rep", one[MEETING.rep]))) : null,
        el("td", { className: "source" }, both(name("lead_source", one[MEETING.lead_source]))),
        el("td", { className: "nowrap" }, verdict(one)),
        el("td", { className: "ev" }, reasons(one), one[MEETING.until] >= 0 ? el("small", {}, both(word("until")), " ", both(day(one[MEETING.until]))) : null))));
      table.caption.replaceChildren(both(rows.length ? word("shown_of", { total: rows.length, count: Math.min(shown, rows.length) }) : word("no_meetings")));
      button.hidden = shown >= rows.length;
    };
    button.onclick = () => { shown += PAGE; draw(); };
    draw();
  };
  return { data, el, both, word, name, add, value, cell, head, figure, meetings, record, reasons, day, COLUMNS, MEETING };
})();
