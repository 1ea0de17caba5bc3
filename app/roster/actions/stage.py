"""Putting a comparison where people can look at it, and giving it the hash by which it is committed."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.access.vault import UnionKeys
from app.platform.ids import new_id
from app.roster.rules.cells import Mark, cell_of_text
from app.roster.rules.comparing import Change, Comparison, Kind, Known, Wanted
from app.roster.rules.headings import Field
from app.roster.rules.judging import Reason
from app.roster.rules.reading import ReadRow
from app.roster.schemas import MISSING_FROM
from app.roster.tables import seal_content


def staged_rows(
    comparison: Comparison, sent: Mapping[int, ReadRow], *, keys: UnionKeys, import_id: UUID
) -> Iterator[dict[str, Any]]:
    """Yield the rows of `roster_rows` for a comparison; `sent` are the rows of the file by their numbers."""
    missing = MISSING_FROM
    for change in comparison.changes:
        position = change.row
        if position is None:
            position, missing = missing, missing + 1
        row_id = new_id()
        is_refused = change.kind is Kind.REFUSED
        content = {"sent": _sent(sent[position], change)} if is_refused else _both(change)
        known_id = change.old.id if change.old else new_id()
        reasons = [{"code": one.reason, "params": dict(one.params)} for one in change.complaints]
        yield {
            "id": row_id,
            "union_id": keys.union_id,
            "import_id": import_id,
            "kind": change.kind.value,
            "position": position,
            "member_id": None if is_refused else known_id,
            "complaints": json.dumps({"reasons": reasons} if reasons else {}, ensure_ascii=False),
            "content": seal_content(keys, row_id, content=content),
        }


def hash_of(comparison: Comparison, import_id: UUID, *, roster_digest: str) -> str:
    """Return the hash of everything that was found, and of the roster that it was found in."""
    found = hashlib.sha256(f"{import_id}|{roster_digest}".encode())
    for change in comparison.changes:
        old_id = change.old.id if change.old else None
        reasons = [(one.reason.value, dict(one.params)) for one in change.complaints]
        new = _person(change.new) if change.new else None
        line = json.dumps([change.kind, change.row, str(old_id), new, reasons], ensure_ascii=True)
        found.update(line.encode() + b"\n")
    return found.hexdigest()


def wanted_from(content: Mapping[str, Any]) -> Wanted:
    """Return the member that an opened line says there will be."""
    new = content["new"]
    return Wanted(**(new | {"unit_id": UUID(new["unit_id"])}))


def in_batches(rows: Iterable[dict[str, Any]], size: int) -> Iterator[Sequence[dict[str, Any]]]:
    """Yield rows in lists of at most `size`."""
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _both(change: Change) -> dict[str, Any]:
    return {
        "old": _person(change.old) if change.old else None,
        "new": _person(change.new) if change.new else None,
    }


def _person(one: Known | Wanted) -> dict[str, Any]:
    return {
        "number": one.number, "name": one.name, "mobile": one.mobile, "last4": one.last4,
        "unit_id": str(one.unit_id), "status": one.status.value,
    }  # fmt: skip


def _sent(row: ReadRow, change: Change) -> dict[str, str]:
    """Return the texts of a row to be mended.

    What a spreadsheet did to a cell cannot be told from its text alone, nor what is wrong with a covered
    number: a question mark says so, and keeps the row refused until somebody mends it.
    """
    texts = {field.value: cell.text for field, cell in row.cells.items()}
    is_short = any(one.reason is Reason.NUMBER_SHORT for one in change.complaints)
    for field, cell in row.cells.items():
        is_harmed = cell.mark in {Mark.LOST, Mark.DATE} and cell_of_text(cell.text).mark is not cell.mark
        if is_harmed or (is_short and field is Field.NUMBER):
            texts[field.value] = f"{cell.text}?"
    if row.last4.startswith("!"):
        texts[Field.LAST4.value] = texts[Field.LAST4.value].replace("*", "?")
    return texts
