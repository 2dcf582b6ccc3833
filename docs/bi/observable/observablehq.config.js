// Every page reads files that the queries in src/data write: DuckDB's command line runs them on the published copy, read-only.
const database = process.env.KPI_DATABASE ?? "/srv/inside-sales-kpi/published/inside_sales.duckdb";

export default {
  root: "src",
  title: "Inside sales KPI",
  pages: [
    {name: "Target 目標", path: "/"},
    {name: "Reps 担当者", path: "/reps"},
    {name: "Lead sources 流入経路", path: "/lead-sources"},
    {name: "Funnel ファネル", path: "/funnel"},
    {name: "Terms 用語", path: "/terms"},
  ],
  interpreters: {".sql": ["duckdb", "-readonly", "-json", database, "-f"]},
  style: "style.css",
  globalStylesheets: [], // no font from a host outside
  preserveExtension: true, // reps.html: any file server shows it
  head: '<link rel="icon" href="data:,">',
  toc: false,
  pager: false,
  footer: "",
};
