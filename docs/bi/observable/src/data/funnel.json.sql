-- The steps by month, each on its own day: a deal won in March may come from a meeting of January.
-- A decimal would be text in JSON.
SELECT
  strftime(d.counted_date, '%Y-%m') AS month, k.kpi_id, k.label_en, k.label_ja, k.display_order,
  CAST(sum(d.numerator) AS DOUBLE) AS count
FROM kpi.kpi_daily AS d JOIN kpi.kpis AS k ON k.kpi_id = d.kpi_id
WHERE d.department = 'inside_sales' AND d.kpi_id IN ('meetings_booked', 'meetings_held', 'valid_meetings', 'deals_won')
GROUP BY ALL ORDER BY month, display_order
