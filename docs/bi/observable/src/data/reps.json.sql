-- Meetings of each rep by month: facts of the day, added up before anything is divided. A decimal would be text in JSON.
SELECT
  strftime(d.counted_date, '%Y-%m') AS month,
  coalesce(nullif(r.name, ''), d.rep_id) AS rep,
  CAST(sum(d.numerator) FILTER (d.kpi_id = 'valid_meetings') AS DOUBLE) AS valid,
  CAST(sum(d.denominator) FILTER (d.kpi_id = 'valid_rate') AS DOUBLE) AS judged,
  CAST(sum(d.numerator) FILTER (d.kpi_id = 'valid_rate') AS DOUBLE) AS judged_valid
FROM kpi.kpi_daily AS d LEFT JOIN core.reps AS r ON r.rep_id = d.rep_id
WHERE d.department = 'inside_sales' AND d.kpi_id IN ('valid_meetings', 'valid_rate')
GROUP BY ALL ORDER BY ALL
