"""Managers who sign in as people do: with a password and an authenticator."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import httpx
import pyotp
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import select

from app.access.policy import Role
from app.access.scope import every_union
from app.access.vault import Place, keys_of
from app.platform.clock import utc_now
from app.sign_in.tables.staff import StaffCredential
from app.unions.tables import StaffAccount
from tests.factories.street import Street

API = "/api/v1"
PASSWORD = "quiet rivers carry boxes"
STEP = timedelta(seconds=30)
OWN_PAGE = {"X-Grainline": "1", "Sec-Fetch-Site": "same-origin"}


@lru_cache(maxsize=1)
def _hash() -> str:
    return PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1).hash(PASSWORD)


def new_address() -> str:
    """Return an address that nobody else in the tests calls from (RFC 5737, and 10/8 for more of them)."""
    return ".".join(["10", *(str(secrets.randbelow(254) + 1) for _ in range(3))])


@asynccontextmanager
async def browser(
    app: FastAPI, *, address: str | None = None, **headers: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A caller with an address of its own, which keeps its cookies as on TLS."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address or new_address(), 1))
    async with httpx.AsyncClient(
        transport=transport, base_url="https://grainline.test", headers=headers
    ) as client:
        yield client


@dataclass
class Manager:
    """A staff account with password and authenticator; each code is used once, the oldest first."""

    id: UUID
    login: str
    secret: str
    password: str = PASSWORD
    _steps: list[int] = field(default_factory=lambda: [-1, 0, 1])

    def code(self, *, at: datetime | None = None) -> str:
        """Return a code that counts now (or at an instant) and was not given out before."""
        moved = (at or utc_now()) + STEP * (0 if at else self._steps.pop(0))
        return pyotp.TOTP(self.secret).at(int(moved.timestamp()))

    async def challenge(self, client: httpx.AsyncClient) -> str:
        """Do the first step and return the challenge of the second."""
        body = {"login": self.login, "password": self.password}
        answer = await client.post(f"{API}/sign-in/staff", json=body)
        assert (answer.status_code, answer.json()["next"]) == (200, "totp"), answer.text
        return str(answer.json()["challenge"])

    async def sign_in(self, client: httpx.AsyncClient, transport: str = "bearer") -> dict[str, Any]:
        """Do both steps and return the answer."""
        body = {"challenge": await self.challenge(client), "code": self.code(), "transport": transport}
        answer = await client.post(f"{API}/sign-in/staff/totp", json=body, headers=OWN_PAGE)
        assert answer.status_code == 200, answer.text
        signed_in: dict[str, Any] = answer.json()
        return signed_in

    async def bearer(self, client: httpx.AsyncClient) -> dict[str, str]:
        """Sign in and return the headers of further calls."""
        return {"Authorization": f"Bearer {(await self.sign_in(client))['token']}"}


async def make_manager(here: Street, role: Role = Role.UNION_OFFICER) -> Manager:
    """Give a staff account of the street a password and an authenticator."""
    id, secret = here.staff[role].id, pyotp.random_base32()
    async with here.database.transaction(every_union("a test arranges")) as session:
        login = (await session.execute(select(StaffAccount.login).where(StaffAccount.id == id))).scalar_one()
        keys = await keys_of(session, here.id)
        session.add(
            StaffCredential(
                staff_id=id, union_id=here.id, password_hash=_hash(), password_changed_at=utc_now(),
                totp=keys.seal(Place("staff_credentials", "totp", id), secret), totp_last_step=0,
            )
        )  # fmt: skip
    return Manager(id, login, secret)
