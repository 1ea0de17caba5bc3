"""What is printed around a paper's content, in both formats: number, mark, hash, where it is verified."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from app.documents.rules.paper import Edition

_GROUPS, _GROUP = 4, 4


@dataclass(frozen=True, slots=True)
class Imprint:
    """What a document carries besides what it says: `mark` is who had it made, when, and its number."""

    number: str
    is_draft: bool
    mark: str
    content_hash: str
    verify_url: str

    @property
    def short_hash(self) -> str:
        """The first digits of the hash, in groups, for people."""
        return " ".join(
            self.content_hash[start : start + _GROUP] for start in range(0, _GROUPS * _GROUP, _GROUP)
        )

    @property
    def query_url(self) -> str:
        """The address that a QR code leads to."""
        return f"{self.verify_url}?{urlencode({'number': self.number, 'hash': self.content_hash})}"

    @property
    def seal(self) -> list[str]:
        """The lines beside the QR code on the last page."""
        if self.is_draft:
            return ["草稿，未编号，不作凭证，不能查验。", f"内容校验值 SHA-256 {self.content_hash}"]
        return [
            f"单据编号 {self.number}    内容校验值 {self.short_hash} …",
            f"SHA-256 {self.content_hash}",
            f"查验：扫描二维码，或在 {self.verify_url} 输入编号和校验值。",
        ]


def heading_of(content: dict[str, Any]) -> str:
    """Return the title as it stands above the paper."""
    return str(content["title"]) + ("（公示版）" if content["edition"] == Edition.MASKED else "")


def facts_of(content: dict[str, Any]) -> Sequence[tuple[str, str]]:
    """Return the facts as they stand above the tables; a supplement says what it supplements."""
    facts = [(heading, text) for heading, text in content["facts"]]
    if content["supplement_to"] is not None:
        facts.insert(0, ("补充单，所补单据", content["supplement_to"]))
    return facts
