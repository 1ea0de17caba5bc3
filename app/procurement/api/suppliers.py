"""Routes of suppliers and their certificates."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.catalog.errors import ProductNotFound, RegionNotFound
from app.platform.clock import local_date, utc_now
from app.platform.errors import (
    Conflict,
    KeyInFlight,
    KeyRequired,
    KeyReused,
    PreconditionFailed,
    PreconditionRequired,
)
from app.platform.http import NOT_MODIFIED, IfMatch, StrictRoute, seen_version, tagged
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.procurement.actions import suppliers as actions
from app.procurement.errors import CertificateNotFound, CertificateWithdrawn, SupplierNotFound
from app.procurement.queries import suppliers as queries
from app.procurement.rules.certificates import Held, doubt_of
from app.procurement.schemas.suppliers import (
    CertificateDraft,
    CertificateView,
    Evidence,
    SupplierChange,
    SupplierDraft,
    SupplierView,
    Withdrawal,
)
from app.procurement.tables import Certificate, Supplier
from app.stock.errors import LotNotFound

router = APIRouter(route_class=StrictRoute, tags=["procurement"])
_KEYED = (KeyReused, KeyRequired, KeyInFlight)
_SUPPLIER = (
    "id", "name", "uscc", "uscc_reason", "region_id", "is_on_platform_832", "phone", "note", "added_at",
    "version", "is_sample",
)  # fmt: skip
_CERTIFICATE = (
    "id", "supplier_id", "kind", "number", "issuer", "valid_from", "valid_until", "scope", "product_id",
    "lot_id", "withdrawn_on", "withdrawn_reason", "added_at", "is_sample",
)  # fmt: skip
Reader = Annotated[Actor, require(Permission.PROCUREMENT_READ)]
Writer = Annotated[Actor, require(Permission.PROCUREMENT_WRITE)]


class SuppliersRequest(PageRequest):
    """Which suppliers are asked for."""

    region_id: UUID | None = None
    is_active: bool | None = None


def _view(supplier: Supplier) -> SupplierView:
    plain = {name: getattr(supplier, name) for name in _SUPPLIER}
    return SupplierView(is_active=supplier.deactivated_at is None, **plain)


def _certificate(certificate: Certificate, today: date) -> CertificateView:
    held = Held(
        supplier_id=certificate.supplier_id,
        valid_from=certificate.valid_from,
        valid_until=certificate.valid_until,
        withdrawn_on=certificate.withdrawn_on,
    )
    doubt = doubt_of(held, supplier_id=held.supplier_id, day=today, product_ids=())
    name, digest = certificate.evidence_name, certificate.evidence_sha256
    return CertificateView(
        evidence=Evidence(name=name, sha256=digest.hex()) if name and digest else None,
        is_valid_today=doubt is None,
        **{name: getattr(certificate, name) for name in _CERTIFICATE},
    )


@router.get(
    "/suppliers",
    name="list_suppliers",
    response_model=PageView[SupplierView],
    responses=describe(CursorInvalid),
)
async def list_suppliers(
    page: Annotated[SuppliersRequest, Query()], session: Transaction, _: Reader
) -> PageView[SupplierView]:
    """Return the suppliers of the union, by name."""
    found = await queries.list_suppliers(
        session, region_id=page.region_id, is_active=page.is_active, limit=page.limit, after=page.after
    )
    return PageView(items=[_view(supplier) for supplier in found.items], next=found.next)


@router.get(
    "/suppliers/{supplier_id}",
    name="get_supplier",
    response_model=SupplierView,
    responses=describe(SupplierNotFound) | NOT_MODIFIED,
)
async def get_supplier(request: Request, supplier_id: UUID, session: Transaction, _: Reader) -> Response:
    """Return a supplier; its entity tag begins with the version that a change has to name."""
    view = _view(await queries.get_supplier(session, supplier_id))
    return tagged(request, view.model_dump_json().encode(), version=view.version)


@router.post(
    "/suppliers",
    status_code=201,
    name="add_supplier",
    response_model=SupplierView,
    responses=describe(RegionNotFound, Conflict, *_KEYED),
)
async def add_supplier(body: SupplierDraft, session: Transaction, keeper: Kept, actor: Writer) -> Response:
    """Record a supplier with its registration code, or why there is none."""
    supplier = await actions.add_supplier(
        session, body, union_id=actor.union_id, added_by=actor.id, now=utc_now()
    )
    return await keeper.keep(_view(supplier))


@router.patch(
    "/suppliers/{supplier_id}",
    name="change_supplier",
    response_model=SupplierView,
    responses=describe(SupplierNotFound, RegionNotFound, Conflict, PreconditionFailed, PreconditionRequired),
)
async def change_supplier(
    supplier_id: UUID, body: SupplierChange, session: Transaction, actor: Writer, if_match: IfMatch = None
) -> SupplierView:
    """Change a supplier, or stop buying from it (`is_active`)."""
    seen = seen_version(if_match)
    changed = await actions.change_supplier(
        session, supplier_id, body, by=actor, seen_version=seen, now=utc_now()
    )
    return _view(changed)


@router.get(
    "/suppliers/{supplier_id}/certificates",
    name="list_certificates",
    response_model=PageView[CertificateView],
    responses=describe(SupplierNotFound, CursorInvalid),
)
async def list_certificates(
    supplier_id: UUID, page: Annotated[PageRequest, Query()], session: Transaction, _: Reader
) -> PageView[CertificateView]:
    """Return the certificates of a supplier, and whether each counts today."""
    supplier, today = await queries.get_supplier(session, supplier_id), local_date(utc_now())
    found = await queries.list_certificates(session, supplier.id, limit=page.limit, after=page.after)
    return PageView(items=[_certificate(one, today) for one in found.items], next=found.next)


@router.post(
    "/suppliers/{supplier_id}/certificates",
    status_code=201,
    name="add_certificate",
    response_model=CertificateView,
    responses=describe(SupplierNotFound, ProductNotFound, LotNotFound, Conflict, *_KEYED),
)
async def add_certificate(
    supplier_id: UUID, body: CertificateDraft, session: Transaction, keeper: Kept, actor: Writer
) -> Response:
    """Record a certificate of a supplier, with the hash of the file that shows it."""
    now = utc_now()
    certificate = await actions.add_certificate(session, supplier_id, body, added_by=actor.id, now=now)
    return await keeper.keep(_certificate(certificate, local_date(now)))


@router.post(
    "/certificates/{certificate_id}/withdraw",
    name="withdraw_certificate",
    response_model=CertificateView,
    responses=describe(CertificateNotFound, CertificateWithdrawn, *_KEYED),
)
async def withdraw_certificate(
    certificate_id: UUID, body: Withdrawal, session: Transaction, keeper: Kept, _: Writer
) -> Response:
    """Say from which day a certificate counts no more."""
    certificate = await actions.withdraw_certificate(session, certificate_id, body)
    return await keeper.keep(_certificate(certificate, local_date(utc_now())), status=200)
