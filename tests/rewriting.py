"""The same meaning in another writing: for tests of what a signature rests on."""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML


def as_yaml(data: Any, *, width: int, flow: bool) -> str:
    """Write data as YAML in a layout, between comments."""
    yaml = YAML(typ="safe", pure=True)
    yaml.width, yaml.default_flow_style, yaml.allow_unicode = width, flow, True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = StringIO()
    yaml.dump(data, stream)
    return f"# one comment\n{stream.getvalue()}# another\n"


def shuffled(data: Any, seed: Any) -> Any:
    """Put the keys of every mapping into another order."""
    if isinstance(data, dict):
        keys = list(data)
        seed.shuffle(keys)
        return {key: shuffled(data[key], seed) for key in keys}
    return [shuffled(entry, seed) for entry in data] if isinstance(data, list) else data
