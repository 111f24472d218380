"""Packages that only some uses need: each comes with an extra of jaxsched, and where it is missing one sentence says so."""

import importlib.util

# Package and the extra that brings it; pyproject.toml says the same.
EXTRAS = {
    "SALib": "sensitivity",
    "matplotlib": "plots",
    "moocore": "sensitivity",
    "numpyro": "posterior",
    "pvlib": "weather",
}


class MissingExtra(ImportError):
    """A package that a use needs is not installed."""


def needs(use: str, package: str) -> None:
    """Make sure that a package of an extra can be imported.

    Arguments:
        use: What needs it, as the start of a sentence.
        package: One of `EXTRAS`.

    Raises:
        MissingExtra: If it is not installed; the message says what to run.
    """
    if importlib.util.find_spec(package) is None:
        raise MissingExtra(f'{use} needs {package}; run pip install "jaxsched[{EXTRAS[package]}]".')
