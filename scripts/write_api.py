"""Writes docs/api.md: every name that a user may import, by package, with the first sentence of its docstring.

python scripts/write_api.py [--out docs/api.md]
"""

import argparse
import ast
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INTRODUCTION = """# Public names

Everything that a script, a notebook or a document imports. What is not here, such as a module whose name begins with an
underscore, may change without notice. Shapes, units, ranges and sources are in the docstrings (`help(jaxsched.solve)`);
[glossary.md](glossary.md) says what each word means. Written by `scripts/write_api.py`, from the packages themselves.
"""


def faces() -> list[str]:
    """Packages whose names are public: the root, then the others by name."""
    folders = [path.parent.relative_to(ROOT) for path in (ROOT / "jaxsched").rglob("__init__.py")]
    return sorted(
        ".".join(folder.parts) for folder in folders if not any(part.startswith("_") for part in folder.parts)
    )


def description(module: ModuleType, name: str) -> str:
    """First sentence of the docstring of a name; that of a constant stands below its assignment.

    Raises:
        LookupError: If it has none.
    """
    value = getattr(module, name)
    text = inspect.getdoc(value) if inspect.isclass(value) or inspect.isroutine(value) else in_source(module, name)
    if not text:
        raise LookupError(f"{module.__name__}.{name} has no docstring.")
    return re.split(r"(?<=\.)\s", " ".join(text.split("\n\n")[0].split()))[0].rstrip(".:") + "."


def in_source(module: ModuleType, name: str) -> str:
    """The docstring that a constant, or a function made into an object, has in the module that defines it."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
            return in_source(importlib.import_module(node.module), name)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node) or ""
    for node, after in zip(tree.body, tree.body[1:], strict=False):
        if name in assigned(node) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return str(after.value.value)
    return ""


def assigned(node: ast.stmt) -> list[str]:
    """Names that a statement assigns."""
    targets: list[Any] = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def page() -> str:
    """The document."""
    parts = [INTRODUCTION]
    for face in faces():
        module = importlib.import_module(face)
        rows = [f"| `{name}` | {description(module, name)} |".replace("||", r"\|\|") for name in module.__all__]
        about = " ".join((module.__doc__ or "").split("\n\n")[0].split())
        parts.append("\n".join([f"## `{face}`", "", about, "", "| name | what it is |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the list of public names.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "api.md", help="the file to write")
    parser.parse_args().out.write_text(page(), encoding="utf-8")
