"""The tables that an Alembic revision drops, read from its syntax tree without running it.

Alembic itself is not needed for that. What is seen are ``op.drop_table(…)`` and ``DROP TABLE`` in
texts, in ``upgrade`` and in the functions of the file that it calls.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from delembic.errors import MigrationFileError

_DROP = re.compile(r"\bDROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?([^;]+)", re.IGNORECASE)
_BEHAVIOUR = re.compile(r"\s+(?:CASCADE|RESTRICT)\b.*", re.IGNORECASE | re.DOTALL)
_QUOTES = "\"'`[] \t\n\r"
_UNKNOWN = "?"
"""Stands for a part of a text that is known only when the revision runs."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A table that is dropped.

    Attributes:
        table: Its name, as written.
        schema: The schema that is named with it; ``None`` if there is none, or nobody can tell.
        line: The line, from 1.
    """

    table: str
    schema: str | None
    line: int


def drops_in(path: Path) -> list[Drop]:
    """Return the tables that a revision drops when it is applied, in the order of the lines.

    Raises:
        MigrationFileError: The file cannot be read or parsed.
    """
    try:
        body = ast.parse(path.read_bytes(), filename=str(path)).body
    except OSError as error:
        raise MigrationFileError(path, f"cannot be read: {error.strerror}.") from error
    except (SyntaxError, ValueError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        raise MigrationFileError(path, "does not parse.", "Correct the syntax.", line) from error
    texts = _texts(body)
    nodes = [node for function in _upgrade(body) for node in _code(function)]
    found = {drop for node in nodes for drop in _dropped_by(node, texts)}
    return sorted(found, key=lambda drop: (drop.line, drop.table))


def _upgrade(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Yield ``upgrade``, with what it calls. With several databases there are ``upgrade_…`` too."""
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    todo = [name for name in functions if name == "upgrade" or name.startswith("upgrade_")]
    seen = set(todo)
    while todo:
        function = functions[todo.pop()]
        yield function
        named = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        new = (named & functions.keys()) - seen
        seen |= new
        todo += new


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all nodes in it, without texts that do nothing, as docstrings do."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _code(child)


def _texts(body: list[ast.stmt]) -> dict[str, str]:
    """Return the constants at the top of a module that are texts."""
    return {
        target.id: node.value.value
        for node in body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _dropped_by(node: ast.AST, texts: dict[str, str]) -> Iterator[Drop]:
    if isinstance(node, ast.Call):
        yield from _dropped_by_call(node, texts)
    elif isinstance(node, ast.Constant | ast.JoinedStr | ast.Name):
        for match in _DROP.finditer(_text(node, texts) or ""):
            for name in _BEHAVIOUR.sub("", match[1]).split(","):
                *schema, table = (part.strip(_QUOTES) for part in name.split("."))
                known = [part for part in schema[-1:] if part != _UNKNOWN]
                yield Drop(table, known[0] if known else None, node.lineno)


def _dropped_by_call(call: ast.Call, texts: dict[str, str]) -> Iterator[Drop]:
    """Yield the table of ``op.drop_table(…)``, whatever ``op`` is called."""
    name = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
    if name != "drop_table":
        return
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    argument = call.args[0] if call.args else named.get("table_name")
    if argument is not None and (table := _text(argument, texts)):
        schema = named.get("schema")
        yield Drop(table, None if schema is None else _text(schema, texts), call.lineno)


def _text(node: ast.expr, texts: dict[str, str]) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return texts.get(name)
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, texts) or _UNKNOWN for part in parts)
        case ast.FormattedValue(value=value):
            return _text(value, texts)
        case _:
            return None
