"""The picture that goes with a message: done, due, forecast and target as bars, rendered without a browser."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

LABELS = {
    "actual": "実績 Actual",
    "expected_to_date": "期待 Due",
    "forecast": "着地 Forecast",
    "target": "目標 Target",
}
COLOURS = ["#1b5e8c", "#9db4c6", "#5c93b8", "#444444"]


def render_chart(figures: Mapping[str, float], title: str, *, is_rate: bool = False) -> bytes:
    """Render a PNG that is read at a glance on a phone."""
    import vl_convert

    rows = [{"what": LABELS[key], "value": figures[key]} for key in LABELS if key in figures]
    order = [row["what"] for row in rows]
    y = {"field": "what", "type": "nominal", "sort": order, "title": None}
    axis = {"tickCount": 4, "format": "~%" if is_rate else "~s"}  # few, so that no two labels touch
    x = {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": True}, "axis": axis}
    colour = {
        "field": "what",
        "type": "nominal",
        "scale": {"domain": order, "range": COLOURS[: len(order)]},
        "legend": None,
    }
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": title, "anchor": "start"},
        "width": 360,
        "height": 130,
        "data": {"values": rows},
        "config": {"font": "Noto Sans CJK JP, sans-serif", "view": {"stroke": None}},
        "layer": [
            {"mark": {"type": "bar", "height": 20}, "encoding": {"x": x, "y": y, "color": colour}},
            {
                "mark": {"type": "text", "align": "left", "dx": 4},
                "encoding": {"x": x, "y": y, "text": {"field": "value", "format": ".1%" if is_rate else ",.3~r"}},
            },
        ],
    }
    return bytes(vl_convert.vegalite_to_png(spec, scale=2))


def write_chart(figures: Mapping[str, float], title: str, *, is_rate: bool = False) -> Path | None:
    """Write the picture to a file of its own; None when there is nothing to draw."""
    if not {"actual", "target"} <= set(figures):
        return None
    path = Path(mkdtemp(prefix="kpi-chart-")) / "kpi.png"
    path.write_bytes(render_chart(figures, title, is_rate=is_rate))
    return path
