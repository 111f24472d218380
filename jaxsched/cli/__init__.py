"""The command line."""

from jaxsched.cli._app import app, main

__all__ = ["app", "main"]
