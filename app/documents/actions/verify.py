"""Confirming a paper to whoever holds it: no sign-in, nothing about people."""

import re
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.documents import queries
from app.documents.rules.paper import DocumentKind, Edition
from app.documents.schemas import NUMBER, SHA256, SupplementView, VerifiedView, VerifyRequest
from app.platform.limits import Limit

VERIFICATIONS = Limit("documents.verify", 120, timedelta(hours=1))
"""How often one address may ask: an auditor with a pile of papers, not a machine that guesses numbers."""

UNKNOWN = VerifiedView(status="unknown")
_NOWHERE = "-"


async def verify(session: AsyncSession, asked: VerifyRequest) -> VerifiedView:
    """Return what is known of a paper; a wrong number, hash or file costs one look-up and is `unknown`."""
    if asked.file_sha256 is not None:
        sha256 = _digits(asked.file_sha256)
        found = await queries.find_by_file(session, bytes.fromhex(sha256) if sha256 != _NOWHERE else b"")
    else:
        number = (asked.number or "").strip().upper()
        found = await queries.find_by_number_and_hash(
            session, number if re.fullmatch(NUMBER, number) else _NOWHERE, _digits(asked.hash or "")
        )
    if not found:
        return UNKNOWN
    document, union_name = found[0]
    supplements = await queries.find_supplements(session, document.id)
    return VerifiedView(
        status="superseded" if supplements else "genuine",
        number=document.number,
        kind=DocumentKind(document.kind),
        edition=Edition(document.edition),
        union=union_name,
        issued_at=document.ready_at,
        row_count=document.row_count,
        amount_fen=document.amount_fen,
        content_hash=document.content_hash,
        supplements=[SupplementView(number=one.number or "", issued_at=one.ready_at) for one in supplements],
    )


def _digits(given: str) -> str:
    """Return the 64 digits of a hash as people paste them, or something that no hash is."""
    digits = re.sub(r"[\s:-]", "", given).lower()
    return digits if re.fullmatch(SHA256, digits) else _NOWHERE
