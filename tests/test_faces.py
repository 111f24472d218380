"""The faces of the packages: what they show is what the documents say, and what documents and examples import."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jaxsched"
FACES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for path in PACKAGE.rglob("__init__.py")
    if not any(part.startswith("_") for part in path.parent.relative_to(ROOT).parts)
)
SHOWN = {face: set(importlib.import_module(face).__all__) for face in FACES}
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = sorted(path for folder in ("notebooks", "examples") for path in (ROOT / folder).glob("*.py"))


def programs_of(path: Path) -> list[str]:
    """The Python that a reader of a document, a notebook or an example sees."""
    text = path.read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if path.suffix == ".md" else [text]


def hidden(code: str) -> list[str]:
    """What a program takes from jaxsched that no face shows."""
    found, names = [], {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jaxsched":
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}

    def reached(node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return names.get(node.id)
        inner = reached(node.value) if isinstance(node, ast.Attribute) else None
        return f"{inner}.{node.attr}" if isinstance(node, ast.Attribute) and inner in FACES else None

    used = {
        *names.values(),
        *filter(None, (reached(n) for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Attribute))),
    }
    for name in sorted(used):
        face, _, last = name.rpartition(".")
        module = name in FACES or last == "__file__"
        if name.split(".")[0] == "jaxsched" and not module and last not in SHOWN.get(face, set()):
            found.append(name)
    return found


def test_a_name_behind_a_face_is_seen():
    assert hidden("from jaxsched.study._totals import totals") == ["jaxsched.study._totals.totals"]
    assert hidden("import jaxsched\njaxsched.study.busiest_share(1)") == ["jaxsched.study.busiest_share"]
    assert not hidden("import jaxsched\nfrom jaxsched import models\njaxsched.solve(models.Plant)")


@pytest.mark.parametrize("path", GUIDES + PROGRAMS, ids=lambda path: path.name)
def test_documents_notebooks_and_examples_import_what_faces_show(path):
    assert not [name for code in programs_of(path) for name in hidden(code)]


def test_the_list_of_public_names_in_the_documents_is_what_the_faces_show(tmp_path):
    written = tmp_path / "api.md"
    subprocess.run([sys.executable, ROOT / "scripts" / "write_api.py", "--out", written], check=True)
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    sections = {
        part.split("`")[0]: set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) for part in text.split("## `")[1:]
    }
    assert sections == SHOWN
    assert text == written.read_text(encoding="utf-8"), "run python scripts/write_api.py"


@pytest.mark.parametrize("face", FACES)
def test_every_name_of_a_face_is_found_and_no_other_is_imported_into_it(face):
    module = importlib.import_module(face)
    assert all(getattr(module, name) is not None for name in module.__all__)
    tree = ast.parse((ROOT / face.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    assert {alias.asname or alias.name for node in imports for alias in node.names} <= set(module.__all__)


def imported_in(path: Path) -> set[str]:
    """Names that a module has from another."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return {a.asname or a.name for node in nodes if isinstance(node, ast.ImportFrom) for a in node.names}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_takes_a_name_of_another_from_its_face_or_from_where_it_is_defined(path):
    own = path.relative_to(PACKAGE).parts[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        home = PACKAGE.parent / f"{(getattr(node, 'module', None) or '-').replace('.', '/')}.py"
        if isinstance(node, ast.ImportFrom) and home.exists() and home.relative_to(PACKAGE).parts[0] != own:
            assert not {alias.name for alias in node.names} & imported_in(home), node.module
