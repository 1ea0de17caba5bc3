"""Every `select` about suppliers and certificates."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.paging import Page, page_of, seek, text_key
from app.procurement.errors import CertificateNotFound, SupplierNotFound
from app.procurement.tables import Certificate, Supplier


async def get_supplier(session: AsyncSession, supplier_id: UUID, *, lock: bool = False) -> Supplier:
    """Return a supplier of the session's unions, locked if asked, or raise SupplierNotFound."""
    wanted = select(Supplier).where(Supplier.id == supplier_id)
    found = (await session.execute(wanted.with_for_update() if lock else wanted)).scalar_one_or_none()
    if found is None:
        raise SupplierNotFound()
    return found


async def list_suppliers(
    session: AsyncSession,
    *,
    region_id: UUID | None,
    is_active: bool | None,
    limit: int,
    after: tuple[str, ...] | None,
) -> Page[Supplier]:
    """Return suppliers by name."""
    wanted = select(Supplier).where(*_wanted(region_id, is_active))
    if after is not None:
        wanted = wanted.where(tuple_(Supplier.name, Supplier.id) > seek(after, text_key, UUID))
    found = await session.execute(wanted.order_by(Supplier.name, Supplier.id).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda item: (item.name, str(item.id)))


def _wanted(region_id: UUID | None, is_active: bool | None) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if region_id is not None:
        wanted.append(Supplier.region_id == region_id)
    if is_active is not None:
        wanted.append(
            Supplier.deactivated_at.is_(None) if is_active else Supplier.deactivated_at.is_not(None)
        )
    return wanted


async def lock_certificate(session: AsyncSession, certificate_id: UUID) -> Certificate:
    """Lock and return a certificate of the session's unions, or raise CertificateNotFound."""
    wanted = select(Certificate).where(Certificate.id == certificate_id).with_for_update()
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise CertificateNotFound()
    return found


async def find_certificates(
    session: AsyncSession, certificate_ids: Collection[UUID]
) -> dict[UUID, Certificate]:
    """Return those of these certificates that the session's unions have."""
    found = await session.execute(select(Certificate).where(Certificate.id.in_(certificate_ids)))
    return {certificate.id: certificate for certificate in found.scalars()}


async def list_certificates(
    session: AsyncSession, supplier_id: UUID, *, limit: int, after: tuple[str, ...] | None
) -> Page[Certificate]:
    """Return the certificates of a supplier in the order in which they were recorded."""
    wanted = select(Certificate).where(Certificate.supplier_id == supplier_id)
    if after is not None:
        _, last_id = seek(after, text_key, UUID)
        wanted = wanted.where(Certificate.id > last_id)
    found = await session.execute(wanted.order_by(Certificate.id).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda item: ("id", str(item.id)))
