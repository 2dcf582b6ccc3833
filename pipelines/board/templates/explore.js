// The filters: narrow down, group, sort, and open the meetings behind a number.
if (board) {
  const { data, el, both, word, name, add, value, cell, meetings, COLUMNS, MEETING } = board;
  const section = document.getElementById("explore");
  const [form, verdictForm] = section.querySelectorAll("form");
  const table = document.getElementById("explore-table");
  const GROUPS = ["rep", "team", "lead_source", "response_method", "month"];
  const words = new Map();
  const option = (key, [ja, en]) => {
    const node = el("option", { value: key });
    words.set(node, { ja, en });
    return node;
  };
  // An option holds plain text only: it is written anew when the language changes.
  const relabel = () => words.forEach((texts, node) => { node.textContent = texts[document.documentElement.lang] ?? texts.en; });
  const sorted = (list) => data.lists[list].map(([, ...texts], place) => [place, texts]).sort((a, b) => a[1][1].localeCompare(b[1][1]));
  const all = () => option("", word("all"));
  const fill = (select, ...options) => select.replaceChildren(...options);
  const fields = form.elements;
  fill(fields.by, ...GROUPS.map((key) => option(key, word(key))));
  fill(fields.period, option("0", data.months[0]), option("0-2", word("months_3")), option("0-11", word("months_12")), ...data.months.slice(1).map((text, place) => option(String(place + 1), text)));
  ["rep", "team", "lead_source", "response_method"].forEach((key) => fill(fields[key], all(), ...sorted(key).map(([place, texts]) => option(String(place), texts))));
  fill(verdictForm.elements.verdict, all(), ...data.verdicts.map(([, ja, en], place) => option(String(place), [ja, en])));

  let order = { at: -1, down: false };
  const span = () => fields.period.value.split("-").map(Number);
  const inSpan = (month) => { const [from, to = from] = span(); return month >= from && month <= to; };
  const fits = (row, place) => inSpan(row[place("month")]) && COLUMNS.slice(1).every((key) => fields[key].value === "" || row[place(key)] === Number(fields[key].value));
  const label = (by, place) => (by === "month" ? data.months[place] : name(by, place));
  const narrow = (by, place) => {
    fields[by === "month" ? "period" : by].value = String(place);
    if (by !== "month") { fields.by.value = GROUPS.find((key) => key !== by && (key === "month" || fields[key].value === "")) ?? "month"; }
    draw();
  };
  const header = (text, at, by) => {
    const isOrdered = order.at === at;
    const isBlocked = by === "rep" && at >= 0 && !data.measures[at].real;
    const node = el("th", { scope: "col", className: at >= 0 ? "num" : "" });
    node.setAttribute("aria-sort", isOrdered ? (order.down ? "descending" : "ascending") : "none");
    const hint = isBlocked ? el("span", { className: "sr" }, both(word("noise_order"))) : null;
    const button = el("button", { type: "button", className: "sort", disabled: isBlocked }, both(text), hint, el("span", { ariaHidden: "true" }, isOrdered ? (order.down ? " ▼" : " ▲") : ""));
    button.onclick = () => { order = { at, down: isOrdered ? !order.down : at >= 0 }; draw(); table.tHead.querySelectorAll("button")[at + 1].focus(); };
    node.append(button);
    return node;
  };
  const groups = (by, rows) => {
    const found = new Map();
    const place = COLUMNS.indexOf(by);
    rows.forEach((row) => found.set(row[place], [...(found.get(row[place]) ?? []), row]));
    return [...found].map(([key, own]) => ({ key, text: label(by, key), sums: add(own) }));
  };
  const compare = (by, common) => (a, b) => {
    const natural = by === "month" ? a.key - b.key : a.text[1].localeCompare(b.text[1]);
    if (order.at < 0) { return order.down ? -natural : natural; }
    const [left, right] = [a, b].map((one) => value(data.measures[order.at], one.sums[order.at], common?.[order.at]) ?? -Infinity);
    return (order.down ? right - left : left - right) || natural;
  };
  const draw = () => {
    const by = fields.by.value;
    const rows = data.facts.filter((row) => fits(row, (key) => COLUMNS.indexOf(key)));
    const total = add(rows);
    const common = by === "rep" || fields.rep.value !== "" ? add(data.facts.filter((row) => inSpan(row[0]))) : undefined;
    if (by === "rep" && order.at >= 0 && !data.measures[order.at].real) { order = { at: -1, down: false }; }
    const found = groups(by, rows).sort(compare(by, common));
    const line = (one) => {
      const button = el("button", { type: "button", className: "link" }, both(one.text));
      button.onclick = () => narrow(by, one.key);
      const open = by === "rep" ? el("a", { href: "#rep=" + encodeURIComponent(data.lists.rep[one.key][0]), className: "own", ariaLabel: word("open_rep", { rep: one.text }).at(document.documentElement.lang === "ja" ? 0 : 1) }, "→") : null;
      return el("tr", {}, el("th", { scope: "row" }, button, open), ...data.measures.map((measure, at) => cell(measure, one.sums[at], common?.[at])));
    };
    table.tHead.replaceChildren(el("tr", {}, header(word(by), -1, by), ...data.measures.map((measure, at) => header(measure.label, at, by))));
    table.tBodies[0].replaceChildren(...found.map(line));
    table.tFoot.replaceChildren(el("tr", { className: "total" }, el("th", { scope: "row" }, both(word("total"))), ...data.measures.map((measure, at) => cell(measure, total[at]))));
    const wanted = verdictForm.elements.verdict.value;
    const own = data.meetings.filter((row) => fits(row, (key) => MEETING[key]) && (wanted === "" || row[MEETING.verdict] === Number(wanted)));
    meetings(document.getElementById("explore-meetings"), section.querySelector(".more"), own, true);
  };
  form.addEventListener("change", draw);
  form.addEventListener("reset", () => setTimeout(() => { order = { at: -1, down: false }; draw(); }));
  verdictForm.addEventListener("change", draw);
  // The meetings behind the number of the head: this month's, of that verdict, of everybody.
  document.querySelectorAll("a[data-verdict]").forEach((link) => link.addEventListener("click", () => {
    form.reset();
    verdictForm.elements.verdict.value = String(data.verdicts.findIndex(([id]) => id === link.dataset.verdict));
    setTimeout(draw);
  }));
  [form, verdictForm].forEach((one) => one.addEventListener("submit", (event) => event.preventDefault()));
  document.querySelectorAll("input[name=language]").forEach((input) => input.addEventListener("change", relabel));
  relabel();
  draw();
  document.querySelectorAll("[data-script]").forEach((one) => { one.hidden = false; });
}
