"""Suppliers and their certificates."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.catalog.errors import ProductNotFound
from app.catalog.queries import check_regions, find_products
from app.platform.errors import PreconditionFailed
from app.platform.ids import new_id
from app.procurement.errors import CertificateWithdrawn
from app.procurement.queries.suppliers import get_supplier, lock_certificate
from app.procurement.schemas.suppliers import CertificateDraft, SupplierChange, SupplierDraft, Withdrawal
from app.procurement.tables import Certificate, Supplier
from app.stock.queries.lots import get_lot

_MAY_BE_EMPTY = frozenset({"region_id", "phone", "note"})
_WHO_IT_IS = ("name", "uscc", "uscc_reason")


async def add_supplier(
    session: AsyncSession, draft: SupplierDraft, *, union_id: UUID, added_by: UUID, now: datetime
) -> Supplier:
    """Record a supplier; raises RegionNotFound. The database refuses a name or a code that is there."""
    await check_regions(session, [draft.region_id])
    supplier = Supplier(
        id=new_id(),
        union_id=union_id,
        added_by=added_by,
        added_at=now,
        version=1,
        is_sample=False,
        **draft.model_dump(),
    )
    session.add(supplier)
    await session.flush()
    return supplier


async def change_supplier(
    session: AsyncSession,
    supplier_id: UUID,
    change: SupplierChange,
    *,
    by: Actor,
    seen_version: int | None,
    now: datetime,
) -> Supplier:
    """Change a supplier that the caller saw at `seen_version` (None: at any); or stop buying from it.

    A code takes the place of the reason why there was none, and the other way round. Purchases name it, also
    approved ones: the audit log keeps whose name and code they were approved with, and what replaced them.
    Raises SupplierNotFound, PreconditionFailed, RegionNotFound.
    """
    supplier = await get_supplier(session, supplier_id, lock=True)
    if seen_version not in {None, supplier.version}:
        raise PreconditionFailed(version=supplier.version)
    await check_regions(session, [change.region_id])
    given = change.model_dump(exclude_unset=True, exclude={"is_active"})
    values = {name: value for name, value in given.items() if value is not None or name in _MAY_BE_EMPTY}
    if "uscc" in values or "uscc_reason" in values:
        values = {"uscc": None, "uscc_reason": None} | values
    replaced = {
        name: [getattr(supplier, name), values[name]]
        for name in _WHO_IT_IS
        if name in values and values[name] != getattr(supplier, name)
    }
    for name, value in values.items():
        setattr(supplier, name, value)
    if replaced:
        subject = ("supplier", supplier.id)
        trace = Trace("procurement.supplier_replaced", supplier.union_id, by, subject, details=replaced)
        record(session, trace, now=now)
    if change.is_active is not None:
        supplier.deactivated_at = None if change.is_active else supplier.deactivated_at or now
    supplier.version += 1
    await session.flush()
    return supplier


async def add_certificate(
    session: AsyncSession, supplier_id: UUID, draft: CertificateDraft, *, added_by: UUID, now: datetime
) -> Certificate:
    """Record a certificate of a supplier; the same number twice is refused by the database.

    Raises SupplierNotFound, ProductNotFound, LotNotFound.
    """
    supplier = await get_supplier(session, supplier_id)
    if draft.product_id is not None and not await find_products(session, {draft.product_id}):
        raise ProductNotFound()
    if draft.lot_id is not None:
        await get_lot(session, draft.lot_id)
    evidence = draft.evidence
    certificate = Certificate(
        id=new_id(),
        union_id=supplier.union_id,
        supplier_id=supplier.id,
        evidence_name=evidence and evidence.name,
        evidence_sha256=bytes.fromhex(evidence.sha256) if evidence else None,
        added_by=added_by,
        added_at=now,
        is_sample=False,
        kind=draft.kind.value,
        **draft.model_dump(exclude={"evidence", "kind"}),
    )
    session.add(certificate)
    await session.flush()
    return certificate


async def withdraw_certificate(
    session: AsyncSession, certificate_id: UUID, withdrawal: Withdrawal
) -> Certificate:
    """Say from which day a certificate counts no more; raises CertificateNotFound, CertificateWithdrawn."""
    certificate = await lock_certificate(session, certificate_id)
    if certificate.withdrawn_on is not None:
        raise CertificateWithdrawn()
    certificate.withdrawn_on, certificate.withdrawn_reason = withdrawal.withdrawn_on, withdrawal.reason
    await session.flush()
    return certificate
