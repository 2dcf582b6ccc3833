"""Are deals decided as fast as they used to be? How many of the open ones should be decided each day, by their age.

A pipeline that slows down shows here weeks before won deals are missing.
"""

from collections.abc import Sequence

import numpy as np

from models.statistics.changes import GAP, Floats, Series

AGE_EDGES = (0, 5, 10, 20, 30, 45, 60, 90)  # business days; the last bucket has no end
WINDOWS = (10, 20, 40)  # decisions are few: less than two weeks of them say nothing
LEAST_DECISIONS = 30  # fewer in the past give no rhythm by age


def deal_pace(created: Sequence[int], decided: Sequence[int | None], days: int) -> Series | None:
    """Build the series of decisions against those due by age; None with too few decisions.

    Days are positions in the list of business days; the decision of an open deal is None. How fast deals of an age are decided is
    taken from all but the last 40 days.
    """
    if not created:
        return None
    start = np.array(created)
    end = np.array([days if day is None else day for day in decided])
    ages = np.arange(days)[:, None] - start[None, :]
    is_open = (ages > 0) & (np.arange(days)[:, None] <= end[None, :])
    is_decided = is_open & (np.arange(days)[:, None] == end[None, :])
    buckets = np.digitize(ages, AGE_EDGES[1:], right=True)
    due: Floats = np.zeros(days)
    known = slice(0, max(days - GAP, 0))
    if is_decided[known].sum() < LEAST_DECISIONS:
        return None
    for bucket in range(len(AGE_EDGES)):
        here = is_open & (buckets == bucket)
        hazard = (is_decided[known] & here[known]).sum() / max(int(here[known].sum()), 1)
        due += hazard * here.sum(axis=1)
    return Series("count", is_decided.sum(axis=1).astype(float), np.maximum(due, 1e-9), WINDOWS)
