"""The house style that no linter knows, read from the syntax tree.

Every check has controls: a file that breaks the rule and must be complained about, and one that keeps it.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from textwrap import indent

import pytest

ROOT = Path(__file__).resolve().parents[2]

KINDS = frozenset({"__init__", "errors", "rules", "tables", "schemas", "queries", "actions", "jobs", "api"})
# Not features: the roots, and the folders in which any noun may have a file.
NOT_FEATURES = frozenset({"access", "cli", "demo", "locales", "platform"})
# What one feature has more than the others. A row here is a decision: say why.
EXTRA_KINDS: dict[str, frozenset[str]] = {}
NO_NAMES = frozenset({"base", "common", "helper", "helpers", "manager", "misc"}) | frozenset(
    {"service", "services", "shared", "util", "utils"}
)
MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 40
MOST_PARAMETERS = 6
MOST_POSITIONAL = 2
UNCOUNTED = frozenset({"self", "cls", "session", "connection"})
# Decorators that leave the signature to us; under any other one, somebody else's code calls the function.
OUR_DECORATORS = frozenset(
    {"abstractmethod", "asynccontextmanager", "cache", "cached_property", "classmethod", "contextmanager"}
    | {"lru_cache", "property", "staticmethod"}
)
CLOCKS = frozenset(
    {"datetime.now", "datetime.utcnow", "date.today", "datetime.today", "time.time", "utc_now"}
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file; `path` is relative to the project."""

    path: Path
    text: str

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text)))

    @property
    def folder(self) -> str:
        """The folder of `app` that the file is in, or an empty string."""
        return self.path.parts[1] if len(self.path.parts) > 2 else ""

    @property
    def is_in_feature(self) -> bool:
        return bool(self.folder) and self.folder not in NOT_FEATURES

    @property
    def kind(self) -> str:
        """`rules` for both `app/orders/rules.py` and `app/orders/rules/admit.py`."""
        return Path(self.path.parts[2]).stem if self.folder else self.path.stem

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call with the dotted name of what is called, `self.x.commit` as `x.commit`."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield node, dotted(node.func)

    def at(self, node: ast.AST, complaint: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {complaint}"


Check = Callable[[Source], Iterator[str]]


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) and node.id != "self" else ""


def functions_of(source: Source) -> Iterator[tuple[Function, ast.AST]]:
    """Every function with what it is directly in: the module, a class or another function."""
    for parent in source.nodes:
        for child in ast.iter_child_nodes(parent):
            if isinstance(child, Function):
                yield child, parent


def file_kinds(source: Source) -> Iterator[str]:
    """A feature holds the kinds of files that every feature holds."""
    if source.is_in_feature and source.kind not in KINDS | EXTRA_KINDS.get(source.folder, frozenset()):
        yield source.at(ast.Module(), f"{source.kind!r} is not a kind of file that a feature has")


def names_of_files(source: Source) -> Iterator[str]:
    """No file has a name that could hold anything."""
    for name in {Path(part).stem for part in source.path.parts} & NO_NAMES:
        yield source.at(ast.Module(), f"{name!r} says nothing about what is in it; give it a noun")


def length_of_files(source: Source) -> Iterator[str]:
    """A file is read in one sitting."""
    if (count := len(source.text.splitlines())) > MOST_FILE_LINES:
        yield source.at(ast.Module(), f"{count} lines, {MOST_FILE_LINES} at most")


def length_of_functions(source: Source) -> Iterator[str]:
    """A function is seen on one screen."""
    for function, _ in functions_of(source):
        count = (function.end_lineno or function.lineno) - function.lineno + 1
        if count > MOST_FUNCTION_LINES:
            yield source.at(function, f"{function.name} has {count} lines, {MOST_FUNCTION_LINES} at most")


def parameters(source: Source) -> Iterator[str]:
    """A call can be read without looking the function up; `self` and a leading session do not count."""
    for function, parent in functions_of(source):
        if source.kind in {"api", "deps"} or is_called_by_others(function, parent):
            continue
        names = [one.arg for one in chain(function.args.posonlyargs, function.args.args)]
        positional = names[1:] if names[:1] and names[0] in UNCOUNTED else names
        count = len(positional) + len(function.args.kwonlyargs)
        if count > MOST_PARAMETERS:
            yield source.at(function, f"{function.name} has {count} parameters, {MOST_PARAMETERS} at most")
        if len(positional) > MOST_POSITIONAL:
            third = positional[MOST_POSITIONAL]
            yield source.at(function, f"{function.name}: {third} and what follows must be keyword-only")


def is_called_by_others(function: Function, parent: ast.AST) -> bool:
    """Tell whether others dictate the signature: dunders, callbacks (a parameter that is not used), overrides
    and whatever else has a decorator that is not ours.
    """
    if function.name.startswith("__") and function.name.endswith("__"):
        return True
    if isinstance(parent, Function) or any(one.arg.startswith("_") for one in function.args.args):
        return True
    for decorator in function.decorator_list:
        name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if name.rpartition(".")[2] not in OUR_DECORATORS:
            return True
    return False


def raw_sql(source: Source) -> Iterator[str]:
    """Raw SQL and tables without their classes slip past the filter by union; DDL texts are harmless."""
    if not source.is_in_feature:
        return
    for node, name in source.calls():
        if name in {"sa.text", "sqlalchemy.text"} and source.kind != "tables":
            yield source.at(node, "raw SQL slips past the filter by union")
        if name.rpartition(".")[2] == "exec_driver_sql":
            yield source.at(node, "raw SQL slips past the filter by union")
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and source.kind != "tables" and imports_text(node):
            yield source.at(node, "raw SQL slips past the filter by union")
        if isinstance(node, ast.Attribute) and node.attr == "__table__":
            yield source.at(node, "__table__ slips past the filter by union")


def imports_text(node: ast.ImportFrom) -> bool:
    """Tell whether SQLAlchemy's `text` is imported, under whatever name."""
    is_sqlalchemy = (node.module or "").partition(".")[0] == "sqlalchemy"
    return is_sqlalchemy and any(one.name == "text" for one in node.names)


def http_exceptions(source: Source) -> Iterator[str]:
    """A feature says no with an error of its own, never with HTTP."""
    for node in source.nodes if source.is_in_feature else []:
        names = [one.name for one in node.names] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        if "HTTPException" in names:
            yield source.at(node, "HTTPException; raise an error from errors.py")


def clocks(source: Source) -> Iterator[str]:
    """`now` is an argument: only routes, jobs and the roots read the clock."""
    if not source.is_in_feature or source.kind in {"api", "jobs"}:
        return
    for node, name in source.calls():
        parts = name.split(".")
        if ".".join(parts[-2:]) in CLOCKS or parts[-1] in CLOCKS:
            yield source.at(node, f"{name}() reads the clock; take now as an argument")


def commits(source: Source) -> Iterator[str]:
    """The caller of an action opens and closes the transaction."""
    if not source.is_in_feature or source.kind not in {"actions", "queries", "rules"}:
        return
    for node, name in source.calls():
        if name.rpartition(".")[2] in {"commit", "rollback"}:
            yield source.at(node, f"{name}() in {source.kind}; the transaction belongs to the caller")


CHECKS: list[Check] = [
    file_kinds,
    names_of_files,
    length_of_files,
    length_of_functions,
    parameters,
    raw_sql,
    http_exceptions,
    clocks,
    commits,
]


def sources(root: Path) -> list[Source]:
    files = sorted((root / "app").rglob("*.py"))
    return [Source(path.relative_to(root), path.read_text(encoding="utf-8")) for path in files]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_house_is_in_order(check: Check) -> None:
    everything = sources(ROOT)
    assert len(everything) > 20, "the checks must have something to look at"
    complaints = [complaint for source in everything for complaint in check(source)]
    assert complaints == [], f"{check.__doc__}\n" + "\n".join(complaints)


LONG = "def f():\n" + "    x = 1\n" * 40
FITS = "def f():\n" + "    x = 1\n" * 39

BAD: list[tuple[Check, str, str]] = [
    (file_kinds, "orders/sender.py", ""),
    (file_kinds, "orders/helpers/words.py", ""),
    (names_of_files, "platform/utils.py", ""),
    (names_of_files, "orders/common/__init__.py", ""),
    (names_of_files, "base.py", ""),
    (length_of_files, "orders/rules.py", "x = 1\n" * 401),
    (length_of_functions, "platform/clock.py", LONG),
    (length_of_functions, "orders/actions.py", "class A:\n" + indent(LONG, "  ")),
    (parameters, "orders/rules.py", "def f(a, b, c): ..."),
    (parameters, "orders/actions.py", "async def f(a, b, *, c, d, e, f, g): ..."),
    (parameters, "orders/rules.py", "class A:\n    def f(self, a, b, c): ..."),
    (parameters, "orders/rules.py", "class A:\n    @classmethod\n    def f(cls, a, b, c): ..."),
    (parameters, "orders/rules.py", "@cache\ndef f(a, b, c): ..."),
    (parameters, "orders/actions.py", "async def f(session, a, b, c): ..."),
    (raw_sql, "orders/queries.py", "from sqlalchemy import text"),
    (raw_sql, "orders/api.py", "from sqlalchemy.sql import select, text as words"),
    (raw_sql, "orders/actions/admit.py", "sa.text('select 1')"),
    (raw_sql, "orders/queries.py", "connection.exec_driver_sql('select 1')"),
    (raw_sql, "orders/tables.py", "connection.exec_driver_sql('select 1')"),
    (raw_sql, "orders/queries.py", "Order.__table__"),
    (http_exceptions, "orders/api.py", "from fastapi import Depends, HTTPException"),
    (http_exceptions, "orders/api.py", "fastapi.HTTPException"),
    (clocks, "orders/rules.py", "datetime.now(UTC)"),
    (clocks, "orders/actions.py", "datetime.datetime.now(UTC)"),
    (clocks, "orders/queries.py", "datetime.utcnow()"),
    (clocks, "orders/rules/admit.py", "date.today()"),
    (clocks, "orders/actions.py", "time.time()"),
    (clocks, "orders/actions.py", "utc_now()"),
    (clocks, "orders/actions.py", "clock.utc_now()"),
    (commits, "orders/actions.py", "await session.commit()"),
    (commits, "orders/actions/admit.py", "self.session.rollback()"),
    (commits, "orders/queries.py", "session.commit()"),
]

GOOD: list[tuple[Check, str, str]] = [
    (file_kinds, "orders/rules/admit.py", ""),
    (file_kinds, "platform/signing.py", ""),
    (names_of_files, "platform/signing.py", ""),
    (length_of_files, "orders/rules.py", "x = 1\n" * 400),
    (length_of_functions, "orders/rules.py", FITS),
    (parameters, "orders/rules.py", "def f(a, b, *, c, d, e, f): ..."),
    (parameters, "orders/rules.py", "class A:\n    def f(self, a, b, *, c): ..."),
    (parameters, "orders/rules.py", "class A:\n    def __exit__(self, a, b, c): ..."),
    (parameters, "orders/rules.py", "class A:\n    @override\n    def f(self, a, b, c): ..."),
    (parameters, "orders/actions.py", "async def redeem_order(session, order_id, now): ..."),
    (parameters, "platform/listening.py", "class A:\n    def f(self, _a, _b, c): ..."),
    (parameters, "platform/asgi.py", "def f():\n    def send(a, b, c): ..."),
    (parameters, "orders/api.py", "async def place(a, b, c, d, e, f, g): ..."),
    (raw_sql, "orders/tables.py", "from sqlalchemy import Index, text"),
    (raw_sql, "platform/doctor.py", "text('select 1')"),
    (raw_sql, "orders/queries.py", "response.text()"),
    (raw_sql, "orders/api.py", "from app.platform.i18n import text\ntext('zh-CN', 'x', 'title')"),
    (http_exceptions, "platform/problems.py", "from starlette.exceptions import HTTPException"),
    (clocks, "orders/api.py", "utc_now()"),
    (clocks, "orders/jobs.py", "datetime.now(UTC)"),
    (clocks, "platform/clock.py", "datetime.now(UTC)"),
    (commits, "orders/jobs.py", "session.commit()"),
]


def complaints_about(root: Path, check: Check, path: str, code: str) -> list[str]:
    file = root / "app" / path
    file.parent.mkdir(parents=True)
    file.write_text(code)
    return [complaint for source in sources(root) for complaint in check(source)]


@pytest.mark.parametrize(("check", "path", "code"), BAD)
def test_control_a_broken_rule_is_found(tmp_path: Path, check: Check, path: str, code: str) -> None:
    complaints = complaints_about(tmp_path, check, path, code)
    assert complaints
    assert all(complaint.startswith(f"app/{path}:") for complaint in complaints)


@pytest.mark.parametrize(("check", "path", "code"), GOOD)
def test_control_a_kept_rule_is_left_alone(tmp_path: Path, check: Check, path: str, code: str) -> None:
    assert complaints_about(tmp_path, check, path, code) == []


def test_every_check_has_controls() -> None:
    assert {check for check, _, _ in BAD} == {check for check, _, _ in GOOD} == set(CHECKS)
