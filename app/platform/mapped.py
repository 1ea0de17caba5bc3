"""All mapped classes of the service, for whoever must see every table whatever else is loaded."""

import importlib
from functools import cache
from pathlib import Path

import app


@cache
def import_tables() -> None:
    """Import the `tables` of every feature."""
    for root in map(Path, app.__path__):
        for path in sorted([*root.glob("*/tables.py"), *root.glob("*/tables/*.py")]):
            name = ".".join(["app", *path.relative_to(root).with_suffix("").parts])
            importlib.import_module(name.removesuffix(".__init__"))
