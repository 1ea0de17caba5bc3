"""Members who sign in: an app whose text messages land in a file, callers from addresses of their own."""

import itertools
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import update

from app.access.scope import every_union
from app.access.vault import keys_of
from app.main import create_app
from app.platform.settings import Settings
from app.sign_in.actions.door import MemberDoor
from app.unions.tables import Member, Particulars, seal_particulars
from tests.factories.street import Street

API = "/api/v1"
_addresses = itertools.count(1)
_numbers = itertools.count(secrets.randbelow(9_000_000) * 10)


def new_mobile() -> str:
    """Return a mobile number that no other test uses."""
    return f"139{next(_numbers) % 100_000_000:08}"


def new_address() -> str:
    """Return a network address that no other test calls from."""
    number = next(_addresses)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def give(
    here: Street, member_id: UUID, *, name: str = "示例·李四", mobile: str | None, last4: str | None = "002X"
) -> None:
    """Give a member these particulars behind the service's back."""
    async with here.database.transaction(every_union("a test arranges")) as session:
        sealed = seal_particulars(
            await keys_of(session, here.id), member_id, particulars=Particulars(name, mobile, last4)
        )
        await session.execute(update(Member).where(Member.id == member_id).values(sealed))


@dataclass
class Entrance:
    """An app, and what its members get to see."""

    app: FastAPI
    texts: Path
    stack: AsyncExitStack

    @property
    def door(self) -> MemberDoor:
        """The members' door of the app."""
        door: MemberDoor = self.app.state.member_door
        return door

    async def caller(self, address: str | None = None) -> httpx.AsyncClient:
        """Return a caller from an address of its own."""
        transport = httpx.ASGITransport(
            app=self.app, raise_app_exceptions=False, client=(address or new_address(), 1)
        )
        client = httpx.AsyncClient(transport=transport, base_url="http://grainline.test")
        return await self.stack.enter_async_context(client)

    async def sent(self) -> list[dict[str, str]]:
        """Return all text messages so far, once the errands are done."""
        await self.app.state.errands.settle()
        lines = self.texts.read_text().splitlines() if self.texts.exists() else []
        return [json.loads(line) for line in lines]

    async def begin(self, mobile: str) -> str:
        """Ask for a code that must be granted; return the challenge."""
        client = await self.caller()
        answer = await client.post(f"{API}/sign-in/code", json={"mobile": mobile})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["challenge_id"])

    async def code(self, challenge_id: str) -> str:
        """Return the code that was sent for a challenge."""
        [text] = [one["text"] for one in await self.sent() if one["out_id"] == challenge_id]
        found = re.search("[0-9]{6}", text)
        assert found is not None
        return found[0]

    async def prove(self, challenge_id: str, code: str, **other: Any) -> httpx.Response:
        """Try a code."""
        body = {"challenge_id": challenge_id, "code": code, "transport": "bearer"} | other
        return await (await self.caller()).post(f"{API}/sign-in/code/verify", json=body)

    async def choose(self, challenge_id: str, choice_id: str) -> httpx.Response:
        """Say who one is."""
        body = {"challenge_id": challenge_id, "choice_id": choice_id, "transport": "bearer"}
        return await (await self.caller()).post(f"{API}/sign-in/code/choose", json=body)

    async def who(self, token: str) -> str:
        """Return the id of whom a token belongs to."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = await (await self.caller()).get(f"{API}/me", headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def link(self, ticket: str, **said: Any) -> httpx.Response:
        """Say who the holder of a link ticket is."""
        body = {"ticket": ticket, "transport": "bearer"} | said
        return await (await self.caller()).post(f"{API}/sign-in/link", json=body)

    async def arrive(self, **params: str) -> httpx.Response:
        """Come with a ticket of a host app."""
        body = {"params": params, "transport": "bearer"}
        return await (await self.caller()).post(f"{API}/sign-in/host/ticket", json=body)


@asynccontextmanager
async def open_entrance(settings: Settings, texts: Path, **chosen: Any) -> AsyncIterator[Entrance]:
    """Start an app whose text messages land in the file `texts`."""
    chosen = {"text_sender": "file", "text_file": texts} | chosen
    app = create_app(settings.model_copy(update=chosen))
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        yield Entrance(app, texts, stack)
