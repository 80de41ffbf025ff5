"""Imported for what it loads: what a command of the command line would load itself, as far as it is installed."""

from contextlib import suppress
from importlib import import_module

for name in ("openai", "pandas", "pyarrow.parquet", "rich.progress", "vl_convert"):  # pandas is pyarrow's wish
    with suppress(ImportError):
        import_module(name)
