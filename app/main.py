"""The web process: builds the app, wires desks, memories and routes together."""

import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import iter_route_contexts

from app.access.cookies import document_cookie
from app.access.deps import public
from app.access.hashing import SlowHasher
from app.access.reader import TokenReader
from app.access.scope import Scope, every_union, one_union
from app.access.vault import Vault
from app.audit.api import router as audit
from app.campaigns.api import router as campaigns
from app.catalog.api import router as catalog
from app.closing.api import router as closing
from app.devices.api import router as devices
from app.devices.api.guard import DeviceGuard
from app.documents.api import router as documents
from app.impact.api import router as impact
from app.notifications.queries import find_heartbeat
from app.orders.actions.admit import admit_orders
from app.orders.actions.sold_out import SoldOutGate
from app.orders.api import router as orders
from app.orders.rules.commands import Command, Outcome
from app.pages import router as pages
from app.pickup.api import router as pickup
from app.platform import problems
from app.platform.admission import AdmissionDesks
from app.platform.clock import utc_now
from app.platform.database import Database, refusal_of
from app.platform.doctor import refuse_unsafe
from app.platform.errands import Errands
from app.platform.errors import DomainError, NotReady
from app.platform.http import Envelope, StrictRoute
from app.platform.keeping import Replay, answer_replay
from app.platform.limits import Limiter
from app.platform.listening import Listener
from app.platform.logging import configure_logging
from app.platform.migrations import current_revision, head_revision
from app.platform.problems import describe
from app.platform.secrets_kept import kept_secret
from app.platform.settings import Settings, get_settings
from app.platform.signing import KeyStore
from app.platform.snapshots import Snapshots
from app.privacy.api import router as privacy
from app.procurement.api import router as procurement
from app.redemptions.actions.keys import KeyRing
from app.redemptions.actions.people import People
from app.redemptions.actions.redeem import redeem_scans
from app.redemptions.actions.typed_codes import TypedCodes
from app.redemptions.api import router as redemptions
from app.redemptions.rules.table import Scan
from app.regions.api import router as regions
from app.reports.api import router as reports
from app.roster.api import router as roster
from app.roster.rules.formats import MOST_FILE_BYTES
from app.sign_in.actions.open_door import open_door
from app.sign_in.actions.staff_door import StaffDoor
from app.sign_in.api.member import router as member_sign_in
from app.sign_in.api.sessions import router as sessions
from app.sign_in.api.staff import router as staff_sign_in
from app.stock.api import router as stock
from app.unions.api import router as unions
from app.warehouse.api import router as warehouse

# What a worker serves beside a full desk.
SPARE_REQUESTS = 256
HEARTBEAT_LIFE = timedelta(seconds=30)
_DESKS = ("orders", "table", "tokens", "limits")
health = APIRouter(tags=["health"], route_class=StrictRoute)


@health.get("/healthz", name="healthz", dependencies=[public()], responses=describe(common=False))
async def healthz() -> dict[str, str]:
    """Say that the process is up."""
    return {"status": "up"}


@health.get("/readyz", name="readyz", dependencies=[public()], responses=describe(NotReady, common=False))
async def readyz(request: Request) -> dict[str, str]:
    """Say that the database answers, its migrations are at head and the worker is alive."""
    missing = await _missing(request.app.state.database)
    if missing:
        raise NotReady(missing=missing, retry_after=2)
    return {"status": "ready"}


async def _missing(database: Database) -> list[str]:
    try:
        async with database.engine.connect() as connection:
            revision = await current_revision(connection)
        async with database.transaction(every_union("the heartbeat belongs to nobody")) as session:
            beat = await find_heartbeat(session, "worker")
    except Exception as error:
        if refusal_of(error) is None:
            raise
        return ["database"]
    checks = {
        "migrations": revision == head_revision(),
        "worker": beat is not None and utc_now() - beat < HEARTBEAT_LIFE,
    }
    return [name for name, is_good in checks.items() if not is_good]


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the app; it connects when it starts. Settings come from the environment if not given."""
    settings = settings or get_settings()
    configure_logging(settings.log_level)
    app = FastAPI(
        title="Grainline",
        version="0.1.0",
        description="Gift boxes of a street union: from a published campaign to a box in a member's hands.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.settings = settings
    problems.install(app)
    document_cookie(app)
    app.add_exception_handler(Replay, answer_replay)
    app.include_router(health)
    app.include_router(pages)
    for router in (
        campaigns, orders, redemptions, pickup, catalog, roster, unions, audit, member_sign_in,
        staff_sign_in, sessions, privacy, devices, documents, regions, impact, reports, stock, procurement,
        warehouse, closing,
    ):  # fmt: skip
        app.include_router(router, prefix="/api/v1")
    app.state.methods = methods_by_path(app)
    app.state.path_words = frozenset(word for path in app.state.methods for word in path.split("/"))
    app.add_middleware(
        Envelope,
        body_limit_bytes=settings.body_limit_bytes,
        most_requests=settings.desk_queue_limit + SPARE_REQUESTS,
        larger={"/api/v1/redemptions/batch": 1_048_576, "/api/v1/members/imports": MOST_FILE_BYTES},
    )
    return app


def methods_by_path(app: FastAPI) -> dict[str, set[str]]:
    """Return which methods each path has, for the `Allow` header of a 405."""
    found: dict[str, set[str]] = {}
    for context in iter_route_contexts(app.routes):
        if context.path is not None:
            found.setdefault(context.path, set()).update(context.methods or ())
    return found


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    if settings.database_url is None:
        raise RuntimeError("DATABASE_URL is not set; `grainline up` brings a database of its own")
    carried = {"vault": Vault(settings.vault_dir)}
    database = Database(settings.database_url, pool_size=settings.pool_size, carried=carried)
    async with database.engine.connect() as connection:
        await refuse_unsafe(connection, in_production=settings.is_production)
    # Budgets of their own: neither a rush of members nor a crowd of readers keeps a scan waiting.
    desks = {name: Database(settings.database_url, pool_size=2, carried=carried) for name in _DESKS}
    _wire(app, database, desks=desks, settings=settings)
    listener = Listener(
        settings.database_url,
        heard=lambda topic, subject: _heard(app, topic, subject=subject),
        lost=partial(_forget, app),
    )
    await listener.start()
    # What was loaded so far lives as long as the process: no full collection needs to visit it.
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        await app.state.errands.close()
        await app.state.tokens.drain()
        await app.state.order_desks.drain()
        await app.state.table_desks.drain()
        await listener.stop()
        for used in (database, *desks.values()):
            await used.close()


def _wire(app: FastAPI, database: Database, *, desks: dict[str, Database], settings: Settings) -> None:
    """Give the app its desks and memories; one of each in every worker."""
    limits = {"batch_limit": settings.desk_batch_limit, "queue_limit": settings.desk_queue_limit}

    async def admit(union_id: UUID, commands: list[Command]) -> Sequence[Outcome]:
        async with desks["orders"].transaction(one_union(union_id)) as session:
            return await admit_orders(session, union_id, commands)

    async def redeem(union_id: UUID, scans: list[Scan]) -> Sequence[str | DomainError]:
        async with desks["table"].transaction(one_union(union_id)) as session:
            return await redeem_scans(session, union_id, scans)

    app.state.database = database
    app.state.tokens = TokenReader(desks["tokens"])
    app.state.snapshots = Snapshots()
    app.state.sold_out = SoldOutGate(desks["orders"])
    app.state.key_ring = KeyRing(desks["table"])
    app.state.key_store = KeyStore(settings.keys_dir)
    app.state.people = People(desks["table"])
    secret = kept_secret(settings.limits_secret)
    app.state.limiter = Limiter(desks["limits"], secret=secret, scope=Scope())
    app.state.device_guard = DeviceGuard(desks["tokens"])
    app.state.typed_codes = TypedCodes(app.state.limiter)
    app.state.errands = Errands()
    app.state.member_door = open_door(
        settings, database, limiter=app.state.limiter, errands=app.state.errands
    )
    app.state.staff_door = StaffDoor(database, app.state.limiter, SlowHasher(), app.state.errands)
    app.state.order_desks = AdmissionDesks(admit, **limits)
    app.state.table_desks = AdmissionDesks(redeem, **limits)


def _heard(app: FastAPI, topic: str, *, subject: str) -> None:
    """Drop what a notification says is no longer true."""
    if topic == "offer":
        app.state.sold_out.drop(UUID(subject))
        app.state.snapshots.drop()
    elif topic == "tokens":
        app.state.tokens.forget(UUID(subject) if subject else None)
        app.state.people.forget()
    elif topic == "devices":
        app.state.device_guard.forget()
    elif topic == "keys":
        app.state.key_ring.forget()
    else:
        app.state.snapshots.drop()


def _forget(app: FastAPI) -> None:
    """Drop everything: some notifications may have been missed."""
    app.state.sold_out.drop()
    app.state.snapshots.drop()
    app.state.tokens.forget()
    app.state.people.forget()
    app.state.device_guard.forget()
    app.state.key_ring.forget()
