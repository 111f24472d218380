"""The command line."""

import importlib
from typing import TYPE_CHECKING, Any

from jaxsched.cli._main import main

if TYPE_CHECKING:
    from jaxsched.cli._app import app

__all__ = ["app", "main"]


def __getattr__(name: str) -> Any:
    # Later than `main`, which listens for Ctrl-C before anything heavy is imported.
    if name == "app":
        return importlib.import_module("jaxsched.cli._app").app
    raise AttributeError(f"module 'jaxsched.cli' has no attribute {name!r}")
