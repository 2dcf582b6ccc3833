// How numbers and names are shown on every page: Japanese beside English.

export const named = (kpi) => `${kpi.label_en} ${kpi.label_ja}`;

// A rate is a fraction in the published copy, never a percentage.
export function number(value, kpi) {
  if (value === null || value === undefined) return "–";
  const percent = kpi?.kind === "rate";
  return value.toLocaleString("en", percent ? {style: "percent", maximumFractionDigits: 1} : {maximumFractionDigits: 1});
}

export const rate = (part, whole) => (whole ? part / whole : null); // nothing judged is no rate, not 0

// Add up, then divide: the other way round a month of two meetings would weigh as much as one of fifty.
export function totals(rows, key, fields) {
  const found = new Map();
  for (const row of rows) {
    const sum = found.get(row[key]) ?? {[key]: row[key], ...Object.fromEntries(fields.map((field) => [field, 0]))};
    for (const field of fields) sum[field] += row[field] ?? 0;
    found.set(row[key], sum);
  }
  return [...found.values()];
}

// A table of rows; `columns` maps a field to its heading, `format` a field to what is shown of it. Text is text: names come from a CRM.
export function table(rows, columns, format = {}) {
  const cell = (kind, text, isNumber) => {
    const found = document.createElement(kind);
    found.textContent = text ?? "–";
    if (isNumber) found.className = "number";
    return found;
  };
  const line = (cells) => {
    const found = document.createElement("tr");
    found.append(...cells);
    return found;
  };
  const names = Object.keys(columns);
  const isNumber = (name) => rows.some((row) => typeof row[name] === "number");
  const found = document.createElement("table");
  found.createTHead().append(line(names.map((name) => cell("th", columns[name], isNumber(name)))));
  found.createTBody().append(
    ...rows.map((row) => line(names.map((name) => cell("td", format[name]?.(row[name]) ?? row[name], isNumber(name))))),
  );
  const frame = document.createElement("div");
  frame.className = "table";
  frame.append(found);
  return frame;
}
