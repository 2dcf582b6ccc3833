-- Held and judged meetings by the lead source as it is now. A decimal would be text in JSON.
SELECT
  strftime(counted_date, '%Y-%m') AS month, lead_source,
  CAST(sum(numerator) AS DOUBLE) AS valid, CAST(sum(denominator) AS DOUBLE) AS judged
FROM kpi.kpi_daily
WHERE department = 'inside_sales' AND kpi_id = 'valid_rate'
GROUP BY ALL ORDER BY ALL
