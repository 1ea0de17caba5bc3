"""The command line `grainline`: a composition root, like the web and the worker."""

from app.cli.commands import main

__all__ = ["main"]
