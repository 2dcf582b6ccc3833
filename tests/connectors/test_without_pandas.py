import subprocess
import sys

from pipelines.settings import PROJECT

# A process of its own: here pandas may be there already.
A_SYNC_AND_SOMEBODY_WHO_USES_PANDAS = """
import sys
import duckdb, pyarrow
from connectors.without_pandas import without_pandas
with without_pandas():
    texts = pyarrow.array(["a", None])
    database = duckdb.connect()
    bound = database.execute("SELECT ?, ?", [1, None]).fetchall()
    assert "pandas" not in sys.modules
assert (texts.to_pylist(), bound) == (["a", None], [(1, None)])
import pandas
frame = pandas.DataFrame({"day": pandas.to_datetime(["2026-04-01", None]), "text": ["a", None]})
table = pyarrow.Table.from_pandas(frame)
assert table["text"].to_pylist() == ["a", None] and table.to_pandas().equals(frame)
assert pyarrow.array(frame["day"]).null_count == 1
assert database.execute("SELECT * FROM frame").df()["day"].isna().sum() == 1
assert database.execute("SELECT ?", [pandas.NaT]).fetchall() == [(None,)]
"""


def test_a_sync_leaves_pandas_to_those_who_use_it() -> None:
    result = subprocess.run(
        [sys.executable, "-c", A_SYNC_AND_SOMEBODY_WHO_USES_PANDAS], capture_output=True, text=True, cwd=PROJECT
    )

    assert result.stderr == ""
    assert result.returncode == 0
