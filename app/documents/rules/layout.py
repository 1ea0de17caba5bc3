"""A paper laid out on pages: every height is known before it is drawn, so that each page sums its own rows.

Millimetres, but for the sizes of letters, which are in points. What comes out is drawn as it is by
`templates/paper.typ`, which decides nothing.
"""

from dataclasses import dataclass, field
from typing import Any

from app.documents.rules.capitals import MOST_FEN, amount_in_capitals
from app.documents.rules.cells import Fitted, fit, wrap, written
from app.documents.rules.content import NUMERIC, sums_of
from app.documents.rules.glyphs import MISSING, Glyphs, printable
from app.documents.rules.paper import Shape
from app.documents.rules.printing import Imprint, facts_of, heading_of

A4 = (297.0, 210.0)
MARGIN = 12.0
HEAD, FOOT = 9.0, 8.0
POINTS = 72 / 25.4
PADDING = 1.0
ROW, SIGNED_ROW, SUM_ROW, CAPTION = 6.0, 8.4, 6.6, 7.0
_TITLE, _FACT, _NOTE, _AMOUNT, _SIGNATURE, _SEAL = 13.0, 5.6, 4.6, 9.0, 11.0, 26.0
_FACTS_IN_A_LINE = {True: 3, False: 2}
_MANY_COLUMNS = 10
_HIGHEST_ROW = 40.0


@dataclass(slots=True)
class Pages:
    """The pages that are being filled: lists of blocks, each with its height `h`."""

    room: float
    pages: list[list[dict[str, Any]]] = field(default_factory=lambda: [[]])
    used: float = 0.0

    @property
    def left(self) -> float:
        """How much of the page is free."""
        return self.room - self.used

    def turn(self) -> None:
        """Begin a page, unless this one is still empty."""
        if self.pages[-1]:
            self.pages.append([])
            self.used = 0.0

    def add(self, block: dict[str, Any]) -> None:
        """Put a block on the page; one that does not fit begins a page."""
        if block["h"] > self.left + 1e-6:
            self.turn()
        self.pages[-1].append(block)
        self.used += block["h"]


class Layout:
    """The layout of one paper."""

    def __init__(self, content: dict[str, Any], glyphs: Glyphs) -> None:
        """Lay out `content` (`rules.content`) in the letters of `glyphs`."""
        self._content, self._glyphs = content, glyphs
        self.missing: set[str] = set()
        is_wide = content["is_landscape"]
        self.width, self.height = A4 if is_wide else A4[::-1]
        self.inner = self.width - 2 * MARGIN
        self._in_a_line = _FACTS_IN_A_LINE[is_wide]

    def pages(self) -> list[list[dict[str, Any]]]:
        """Return the blocks of each page, from above."""
        pages = Pages(self.height - 2 * MARGIN - HEAD - FOOT)
        pages.add({"kind": "title", "h": _TITLE, "text": self.print(heading_of(self._content))})
        self._facts(pages)
        for table in self._content["tables"]:
            self._table(pages, table)
        self._end(pages)
        return pages.pages

    def sheet(self, imprint: Imprint, *, qr: str | None) -> dict[str, Any]:
        """Return all that the template draws; `qr` is the picture of the QR code as SVG."""
        pages = self.pages()
        return {
            "title": self.print(heading_of(self._content)),
            "union": self.print(self._content["union"]),
            "on": [int(part) for part in self._content["on"].split("-")],
            "number": imprint.number if imprint.is_draft else f"编号 {imprint.number}",
            "is_draft": imprint.is_draft,
            "width": self.width,
            "height": self.height,
            "margin": MARGIN,
            "head": HEAD,
            "foot": FOOT,
            "qr": qr,
            "seal": imprint.seal,
            "mark": self.print(imprint.mark),
            "short_hash": f"校验 {imprint.short_hash}",
            "pages": pages,
        }

    def print(self, text: str) -> str:
        """Return a text as it is printed; what is missing is remembered."""
        return printable(text, self._glyphs, missing=self.missing)

    def _facts(self, pages: Pages) -> None:
        facts = [f"{self.print(heading)}：{self.print(text)}" for heading, text in facts_of(self._content)]
        width = self.inner / self._in_a_line * POINTS - 6
        for start in range(0, len(facts), self._in_a_line):
            line = [
                self._fit(one, (width, _FACT * POINTS), size=9)
                for one in facts[start : start + self._in_a_line]
            ]
            height = max(_FACT, *(one["h"] for one in line))
            pages.add({"kind": "facts", "h": height, "columns": self._in_a_line, "cells": line})

    def _fit(self, text: str, box: tuple[float, float], *, size: float) -> dict[str, Any]:
        return _drawn(fit(text, self._glyphs, box=box, size=size, highest=_HIGHEST_ROW * POINTS))

    # --- Tables --------------------------------------------------------------------------------------

    def _table(self, pages: Pages, table: dict[str, Any]) -> None:
        columns = table["columns"]
        whole = sum(one["width"] for one in columns)
        widths = [self.inner * one["width"] / whole for one in columns]
        head = self._heading(columns, widths)
        rows = [self._row(columns, widths, cells=row) for row in table["rows"]]
        has_sums = any(one["is_summed"] for one in columns)
        sum_height = SUM_ROW if has_sums else 0.0
        if table["caption"]:
            if pages.left < CAPTION + head["h"] + SIGNED_ROW + 2 * sum_height:
                pages.turn()
            pages.add({"kind": "caption", "h": CAPTION, "text": self.print(table["caption"])})
        start, is_first = 0, True
        while is_first or start < len(rows):
            end, is_last, is_whole = _portion(
                rows, start=start, room=pages.left - head["h"], sum_height=sum_height
            )
            if end == start and rows and pages.pages[-1] and pages.used:
                pages.turn()
                continue
            shown = [head, *rows[start:end]]
            if has_sums:
                shown += self._sums(table, widths, rows=(start, end), is_last=is_last, is_whole=is_whole)
            height = sum(row["h"] for row in shown)
            aligns = [_align(one["shape"]) for one in columns]
            pages.add({"kind": "table", "h": height, "widths": widths, "rows": shown, "aligns": aligns})
            start, is_first = end, False
            if start < len(rows):
                pages.turn()

    def _heading(self, columns: list[dict[str, Any]], widths: list[float]) -> dict[str, Any]:
        size = _letters(columns)
        cells = [
            self._fit(self.print(one["heading"]), _box(width, SIGNED_ROW), size=size)
            for one, width in zip(columns, widths, strict=True)
        ]
        return {"role": "head", "h": max(SIGNED_ROW, *(cell["h"] for cell in cells)), "cells": cells}

    def _row(self, columns: list[dict[str, Any]], widths: list[float], *, cells: list[Any]) -> dict[str, Any]:
        height = SIGNED_ROW if any(one["shape"] == Shape.BLANK for one in columns) else ROW
        size = _letters(columns)
        drawn = [
            self._fit(self.print(written(cell, one["shape"])), _box(width, height), size=size)
            for cell, one, width in zip(cells, columns, widths, strict=True)
        ]
        return {"role": "row", "h": max(height, *(cell["h"] for cell in drawn)), "cells": drawn}

    def _sums(
        self,
        table: dict[str, Any],
        widths: list[float],
        *,
        rows: tuple[int, int],
        is_last: bool,
        is_whole: bool,
    ) -> list[dict[str, Any]]:
        """Return 本页小计 of a page that does not show the whole table, and 合计 behind the last row."""
        start, end = rows
        lines = [] if is_whole else [("本页小计", table["rows"][start:end])]
        if is_last:
            lines.append(("合计", table["rows"]))
        return [self._sum_row(table, widths, label=label, rows=part) for label, part in lines]

    def _sum_row(
        self, table: dict[str, Any], widths: list[float], *, label: str, rows: list[list[Any]]
    ) -> dict[str, Any]:
        columns, sums = table["columns"], sums_of(table, rows)
        first = next(place for place, total in enumerate(sums) if total is not None)
        texts = [
            "" if total is None else written(total, one["shape"])
            for one, total in zip(columns, sums, strict=True)
        ]
        span = max(first, 1)
        boxes = [sum(widths[:span]), *widths[span:]]
        shown = [f"{label} {texts[0]}", *texts[1:]] if first == 0 else [label, *texts[span:]]
        size = _letters(columns)
        cells = [
            self._fit(text, _box(width, SUM_ROW), size=size) for text, width in zip(shown, boxes, strict=True)
        ]
        return {
            "role": "sum",
            "h": max(SUM_ROW, *(cell["h"] for cell in cells)),
            "span": span,
            "cells": cells,
        }

    # --- What stands below ---------------------------------------------------------------------------

    def _end(self, pages: Pages) -> None:
        """Amount, notes, signatures and seal stay together where a page has room for them."""
        blocks = [*self._amount(), *self._notes(), *self._signatures()]
        blocks.append({"kind": "seal", "h": _SEAL})
        if sum(block["h"] for block in blocks) > pages.left:
            pages.turn()
        for block in blocks:
            pages.add(block)

    def _amount(self) -> list[dict[str, Any]]:
        fen = self._content["amount_fen"]
        if fen is None:
            return []
        words = amount_in_capitals(fen) if abs(fen) <= MOST_FEN else ""
        return [{"kind": "amount", "h": _AMOUNT, "figures": written(fen, Shape.FEN), "capitals": words}]

    def _notes(self) -> list[dict[str, Any]]:
        notes = [self.print(note) for note in self._content["notes"]]
        if self.missing:
            codes = "、".join(f"U+{ord(char):04X}" for char in sorted(self.missing))
            notes.append(f"{MISSING} 代替字库未收的字符（{codes}），原字见电子表格。")
        lines = []
        for place, note in enumerate(notes, start=1):
            text = f"{place}. {note}" if len(notes) > 1 else note
            lines += wrap(
                f"注：{text}" if place == 1 else text, self._glyphs, width=self.inner * POINTS / 8 - 1
            )
        return [{"kind": "note", "h": _NOTE, "text": line} for line in lines]

    def _signatures(self) -> list[dict[str, Any]]:
        roles = [self.print(role) for role in self._content["signatures"]]
        most = 6 if self._content["is_landscape"] else 4
        return [
            {"kind": "signatures", "h": _SIGNATURE, "columns": most, "roles": roles[start : start + most]}
            for start in range(0, len(roles), most)
        ]


def _portion(
    rows: list[dict[str, Any]], *, start: int, room: float, sum_height: float
) -> tuple[int, bool, bool]:
    """Return where a page's part of a table ends, whether it is the last part, and whether it is all of it.

    A part keeps room for 本页小计, the last one for 合计 too, a whole table for 合计 only.
    """
    heights = [row["h"] for row in rows[start:]]
    if start == 0 and sum(heights) + sum_height <= room:
        return len(rows), True, True
    if sum(heights) + 2 * sum_height <= room:
        return len(rows), True, False
    end, used = start, sum_height
    for height in heights:
        if used + height > room:
            break
        end, used = end + 1, used + height
    # 合计 never stands alone on the next page.
    return min(end, len(rows) - 1), False, False


def _drawn(fitted: Fitted) -> dict[str, Any]:
    return {"lines": fitted.lines, "size": fitted.size, "h": fitted.height / POINTS + PADDING}


def _box(width: float, height: float) -> tuple[float, float]:
    return (width - 2 * PADDING) * POINTS, (height - PADDING) * POINTS


def _letters(columns: list[dict[str, Any]]) -> float:
    return 7.5 if len(columns) > _MANY_COLUMNS else 9.0


def _align(shape: str) -> str:
    if shape in NUMERIC:
        return "right"
    return "center" if shape == Shape.DATE else "left"
