-- The months of each KPI of the department, with its target.
SELECT
  k.kpi_id, k.label_en, k.label_ja, k.kind, k.unit, k.display_order,
  strftime(p.period_start, '%Y-%m') AS month, p.actual, p.target, p.expected_to_date, p.status, p.as_of
FROM kpi.kpi_periods AS p JOIN kpi.kpis AS k ON k.kpi_id = p.kpi_id
WHERE p.period_kind = 'month' AND p.scope_kind = 'department' AND p.scope_id = 'inside_sales'
ORDER BY k.display_order, p.period_start
