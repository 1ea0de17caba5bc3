"""Every route says who may call it, what it is called, what it does and what it answers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from app.access.deps import IdempotencyKey, Kept, UnusedKey, keep_answer, public, recall_answer, require
from app.access.policy import Permission
from app.main import create_app
from app.platform.http import StrictRoute
from app.platform.problems import describe
from app.platform.settings import Settings
from app.roster.api import keep_upload

Complaints = list[str]
# The framework's own: the document itself, which everybody may read.
FRAMEWORK = {"/openapi.json"}
KEEPERS = {keep_answer, recall_answer, keep_upload}
AT_THE_DESK = {"place_order", "cancel_order", "redeem", "redeem_batch"}
"""The desks keep the keys of whole batches of calls by themselves; each has tests of its own."""
NOT_KEPT = {
    "send_sign_in_code": "the answer is the same for everybody, and limits count the texts",
    "verify_sign_in_code": "a token, or who shares a number; a code counts once",
    "choose_sign_in_member": "a token; a choice counts once",
    "sign_in_with_host_ticket": "a token; a ticket counts once",
    "link_host_identity": "a token; a ticket counts once",
    "begin_staff_sign_in": "a challenge",
    "activate_staff_account": "a challenge; the activation code counts once",
    "finish_staff_sign_in": "a token and recovery codes; a challenge counts once",
    "step_up": "the proofs count once; repeating it with the next code is harmless",
    "change_password": "the password before counts no more when it has changed",
    "renew_recovery_codes": "the codes, shown once",
    "sign_out": "whoever repeats it is signed out already",
    "reveal_member": "unmasked data",
    "reveal_holder": "unmasked data",
    "reveal_recipients": "unmasked data",
    "export_members": "a file of members",
    "add_pairing": "a pairing code; asking again makes another and stops this one",
    "pair_device": "a token; a pairing code counts once",
    "reset_pin": "a code to set a PIN; asking again makes another and stops this one",
    "activate_pin": "the code counts once",
    "sign_clerk_in": "a token",
}
"""POSTs whose answer is not stored with its key, each with what is in it or why nothing is lost."""


def _everything(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for child in dependant.dependencies:
        yield from _everything(child)


def _routes(app: FastAPI) -> list[Any]:
    return [context for context in iter_route_contexts(app.routes) if context.path not in FRAMEWORK]


def _calls(context: Any) -> list[Any]:
    return [part.call for part in _everything(context.dependant)]


def _is_public(context: Any) -> bool:
    return any(getattr(call, "is_public", False) for call in _calls(context))


def _permissions(context: Any) -> list[Any]:
    return [call.permission for call in _calls(context) if hasattr(call, "permission")]


def _header_names(context: Any) -> set[str]:
    return {field.alias for part in _everything(context.dependant) for field in part.header_params}


def _describes_refusals(context: Any) -> bool:
    if not _is_public(context):
        return set(context.responses) >= {401, 403, 422, 503}
    takes_something = (
        context.dependant.path_params or context.dependant.query_params or "POST" in context.methods
    )
    return not takes_something or set(context.responses) >= {422}


def _keeps_its_key(context: Any) -> bool:
    """Whether a POST answers a key as the first time, or is on the list of those that do not."""
    if "POST" not in context.methods:
        return True
    is_kept = bool(KEEPERS & set(_calls(context))) or context.name in AT_THE_DESK
    return is_kept != (context.name in NOT_KEPT)


CHECKS: dict[str, Callable[[Any], bool]] = {
    "names neither one permission nor public()": lambda c: len(_permissions(c)) + _is_public(c) == 1,
    "not a permission of the table": lambda c: all(
        isinstance(found, Permission) for found in _permissions(c)
    ),
    "not one method": lambda c: len(c.methods) == 1,
    "reads queries and JSON loosely": lambda c: isinstance(c.original_route, StrictRoute),
    "no operation name": lambda c: c.name.isidentifier(),
    "no docstring": lambda c: bool((c.endpoint.__doc__ or "").strip()),
    "does not describe its answers": _describes_refusals,
    "takes no Idempotency-Key": lambda c: "POST" not in c.methods or "Idempotency-Key" in _header_names(c),
    "forgets its Idempotency-Key": _keeps_its_key,
}


def complain(app: FastAPI) -> Complaints:
    """Return what is missing from the routes of an app."""
    found: Complaints = []
    names: set[str] = set()
    for context in _routes(app):
        label = f"{sorted(context.methods or ())} {context.path}"
        if not isinstance(context.original_route, APIRoute):
            found.append(f"{label}: not a route of the house")
            continue
        found += [f"{label}: {complaint}" for complaint, is_good in CHECKS.items() if not is_good(context)]
        if context.name in names:
            found.append(f"{label}: the name of another operation")
        names.add(context.name)
    return found


def test_every_route_is_complete(settings_of_nothing: Settings) -> None:
    app = create_app(settings_of_nothing)
    assert len(_routes(app)) >= 25, "the walk must find the routes that were included"
    assert complain(app) == []


def test_the_lists_of_keys_name_operations_that_there_are(settings_of_nothing: Settings) -> None:
    routes = {context.name: context for context in _routes(create_app(settings_of_nothing))}
    assert {*NOT_KEPT, *AT_THE_DESK} <= set(routes)
    unused = {
        name
        for name, context in routes.items()
        for part in _everything(context.dependant)
        for field in part.header_params
        if field.alias == "Idempotency-Key" and "not used" in str(field.field_info.description)
    }
    assert unused == set(NOT_KEPT), "what is not kept says so, and nothing else does"


def test_the_framework_adds_no_other_pages(settings_of_nothing: Settings) -> None:
    app = create_app(settings_of_nothing)
    plain = {c.path for c in iter_route_contexts(app.routes) if not isinstance(c.original_route, APIRoute)}
    assert plain == FRAMEWORK


async def _bare() -> None:
    """Do nothing."""


async def _undocumented() -> None:
    return None


async def _keyless(actor: Any = require(Permission.PROFILE_OWN)) -> None:
    """Do nothing."""


async def _keyed(keeper: Kept, actor: Any = require(Permission.PROFILE_OWN)) -> None:
    """Do nothing."""


async def _forgetful(key: IdempotencyKey = None, actor: Any = require(Permission.PROFILE_OWN)) -> None:
    """Do nothing."""


async def _asked(limit: int, key: UnusedKey = None) -> None:
    """Do nothing."""


def _twice(app: FastAPI) -> None:
    app.get("/one", name="twin", dependencies=[public()])(_bare)
    app.get("/two", name="twin", dependencies=[public()])(_bare)


BROKEN: dict[str, Callable[[FastAPI], Any]] = {
    "neither one permission nor public()": lambda app: app.get("/x", name="x")(_bare),
    "no docstring": lambda app: app.get("/x", name="x", dependencies=[public()])(_undocumented),
    "no operation name": lambda app: app.get("/x", name="not a name", dependencies=[public()])(_bare),
    "the name of another": _twice,
    "forgets its Idempotency-Key": lambda app: app.post("/x", name="x", responses=describe())(_forgetful),
    "does not describe its answers": lambda app: app.get("/x", name="x", dependencies=[public()])(_asked),
    "does not describe": lambda app: app.get("/x", name="x", responses={401: {}})(_keyless),
    "takes no Idempotency-Key": lambda app: app.post("/x", name="x", responses=describe())(_keyless),
    "not one method": lambda app: app.api_route("/x", name="x", methods=["GET", "POST"])(_bare),
    "loosely": lambda app: app.get("/x", name="x", dependencies=[public()])(_bare),
    "not a route of the house": lambda app: app.add_route("/x", _undocumented),
    "not a permission": lambda app: app.get("/x", name="x", dependencies=[_strange()])(_bare),
}


def _strange() -> Any:
    async def anybody() -> None:
        return None

    anybody.permission = "orders.own"  # type: ignore[attr-defined]
    return Depends(anybody)


@pytest.mark.parametrize("complaint", BROKEN)
def test_a_route_that_lacks_something_is_found(complaint: str) -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    BROKEN[complaint](app)
    assert any(complaint in found for found in complain(app)), complain(app)


def test_a_complete_route_is_not_complained_about() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.route_class = StrictRoute
    app.post("/x", name="x", responses=describe())(_keyed)
    app.get("/y", name="y", dependencies=[public()])(_bare)
    assert complain(app) == []


@pytest.fixture
def settings_of_nothing() -> Settings:
    """Settings without a database: the app is made, not started."""
    return Settings(environment="test")
