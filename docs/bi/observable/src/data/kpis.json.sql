SELECT label_en, label_ja, description_en, description_ja, phase, kind, unit, better FROM kpi.kpis ORDER BY display_order
