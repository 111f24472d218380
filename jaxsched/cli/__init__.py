"""The command line."""

from jaxsched.cli._main import main

__all__ = ["main"]
