"""Allowed pairs that heed a row condition: Great Expectations' own leave it out, and judge records that the rule does not ask.

Its metric lacks `row_condition` among what its domain is made of (1.24), and a metric that stands keeps its domain. So there is one under
a name of ours, and the expectation of the same type asks it; to define both is to register them. It can go once Great Expectations
heeds the condition. Import this module inside a function only: it imports Great Expectations, which takes seconds.
"""

import logging

from great_expectations import expectations as vocabulary  # noqa: TID253 - see above
from great_expectations.expectations.metrics import ColumnPairValuesInSet  # noqa: TID253 - see above

METRIC = "column_pair_values.in_set_where_asked"

# the registry tells of each name that is taken over, which is what this module is for
logging.getLogger("great_expectations.expectations.registry").setLevel(logging.ERROR)


class AllowedPairs(ColumnPairValuesInSet):  # type: ignore[misc]  # Great Expectations has no types
    """The same condition, asked of the rule's records only."""

    condition_metric_name = METRIC
    condition_domain_keys = (*ColumnPairValuesInSet.condition_domain_keys, "row_condition", "condition_parser")


class ExpectColumnPairValuesToBeInSet(vocabulary.ExpectColumnPairValuesToBeInSet):  # type: ignore[misc]  # as above
    """The expectation under its own name, so that a written suite reads the same."""

    map_metric = METRIC
