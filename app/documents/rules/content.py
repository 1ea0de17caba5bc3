"""What a document says, as the one JSON text that its hash is over (RFC 8785)."""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.documents.rules.paper import Paper, Shape, Table
from app.platform.canonical import canonical

FORM = 1
"""The form of the content; another one would be another number here."""

NUMERIC = frozenset({Shape.COUNT, Shape.FEN, Shape.GRAMS})


@dataclass(frozen=True, slots=True)
class Identity:
    """Which document a paper is: its number (None for a draft) and, of a supplement, what it supplements."""

    union_id: UUID
    number: str | None
    supplement_to: str | None = None


def content_of(paper: Paper, identity: Identity) -> dict[str, Any]:
    """Return what a document says as JSON content; money and weights are integers.

    Raises ValueError for a paper that does not add up: rows of another length than the columns, cells that
    are not what their column says, sums of texts.
    """
    return {
        "form": FORM,
        "union_id": str(identity.union_id),
        "union": paper.union_name,
        "number": identity.number,
        "supplement_to": identity.supplement_to,
        "kind": paper.kind.value,
        "edition": paper.edition.value,
        "title": paper.title,
        "on": paper.on.isoformat(),
        "facts": [list(fact) for fact in paper.facts],
        "tables": [_table(table) for table in paper.tables],
        "notes": list(paper.notes),
        "amount_fen": paper.amount_fen,
        "signatures": list(paper.signatures),
        "is_landscape": paper.is_landscape,
    }


def hash_of(content: dict[str, Any]) -> str:
    """Return the SHA-256 of a document's content, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(content)).hexdigest()


def _table(table: Table) -> dict[str, Any]:
    columns = [
        {
            "heading": one.heading,
            "shape": one.shape.value,
            "width": one.width,
            "is_summed": one.is_summed,
        }
        for one in table.columns
    ]
    if not columns or any(one.is_summed and one.shape not in NUMERIC for one in table.columns):
        raise ValueError("a table has columns, and sums only numbers")
    kinds = [int if one.shape in NUMERIC else str for one in table.columns]
    for row in table.rows:
        if len(row) != len(kinds) or not all(
            cell is None or type(cell) is kind for cell, kind in zip(row, kinds, strict=True)
        ):
            raise ValueError("a row does not fit its columns")
    return {"caption": table.caption, "columns": columns, "rows": [list(row) for row in table.rows]}


def sums_of(table: dict[str, Any], rows: list[list[Any]]) -> list[int | None]:
    """Return the sum of each summed column over some rows of a table, None for the other columns."""
    return [
        sum(row[place] or 0 for row in rows) if column["is_summed"] else None
        for place, column in enumerate(table["columns"])
    ]
