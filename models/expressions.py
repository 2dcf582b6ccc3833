"""Expressions that two or more models share, in SQL that every engine understands."""

from typing import Any

from sqlalchemy import ColumnElement, Double, cast, func


def ratio(numerator: ColumnElement[Any], denominator: ColumnElement[Any]) -> ColumnElement[float]:
    """Divide as doubles; without a denominator the answer is NULL, never 0 and never NaN."""
    return cast(numerator, Double) / func.nullif(cast(denominator, Double), 0)
