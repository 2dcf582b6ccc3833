SELECT definition, version, label_en, label_ja, condition_en, condition_ja, severity, valid_from, valid_to, agreed_by, agreed_date
FROM kpi.definition_rules ORDER BY definition, version DESC, display_order
