"""Those who go the journeys: staff with password and authenticator, members with a telephone."""

import asyncio
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp

from tests.journeys.book import Book, Caller, WentWrong
from tests.journeys.place import Place

STEP_SECONDS = 30
_LATE = 26


@dataclass
class Authenticator:
    """What is on a manager's telephone; each code of it is used once (RFC 6238)."""

    secret: str
    last_step: int = 0

    @classmethod
    def read(cls, uri: str) -> "Authenticator":
        """Read what the picture at the first sign-in says."""
        return cls(parse_qs(urlsplit(uri).query)["secret"][0])

    def code(self) -> str:
        """Return the next code that was not used, if need be the one of the next half minute."""
        if time.time() % STEP_SECONDS > _LATE:
            time.sleep(STEP_SECONDS - time.time() % STEP_SECONDS + 0.1)
        now = int(time.time()) // STEP_SECONDS
        self.last_step = max(self.last_step + 1, now - 1)
        while self.last_step > int(time.time()) // STEP_SECONDS + 1:
            time.sleep(0.5)
        return pyotp.TOTP(self.secret).generate_otp(self.last_step)


@dataclass
class Staff:
    """A staff account that somebody has made their own."""

    login: str
    password: str
    authenticator: Authenticator
    caller: Caller

    async def step_up(self, book: Book) -> None:
        """Give both proofs once more, without a word."""
        body = {"password": self.password, "code": await asyncio.to_thread(self.authenticator.code)}
        await said_nothing(book, "POST /sign-in/staff/step-up", who=self.caller, body=body)


async def said_nothing(book: Book, request: str, *, who: Caller, body: Any = None) -> Any:
    """Carry out a call that the book does not mention; it must succeed."""
    answer = await book.send(request, who=who, body=body)
    if answer.is_error:
        raise WentWrong(f"{request}: {answer.status_code} {answer.text[:2000]}")
    return answer.json() if answer.content else None


async def staff(book: Book, login: str, *, token: str) -> Staff:
    """Return somebody who has gone the first steps of the managers' journey; the book does not repeat "
    "them."""
    nobody = Caller(await book.place.caller())
    code = (await book.place.command("staff", "invite", login, "--reset")).split()[-1]
    password = f"harbour {secrets.token_hex(8)} lantern"
    body = {"login": login, "activation_code": code, "password": password}
    begun = await said_nothing(book, "POST /sign-in/staff/activate", who=nobody, body=body)
    authenticator = Authenticator.read(begun["provisioning_uri"])
    proof = {"challenge": begun["challenge"], "code": await asyncio.to_thread(authenticator.code)}
    opened = await said_nothing(book, "POST /sign-in/staff/totp", who=nobody, body=proof)
    book.name(**{token: opened["token"]})
    return Staff(login, password, authenticator, Caller(nobody.client, token))


async def script(book: Book, *who: str, token: str) -> Caller:
    """Return somebody with a token from the operator's shell."""
    printed = await book.place.command("token", *who)
    book.name(**{token: printed.split()[-1]})
    return Caller(await book.place.caller(), token)


async def text_of(place: Place, challenge_id: str) -> tuple[str, str]:
    """Return the text message of a challenge and the code in it."""
    for one in await place.texts():
        if one["out_id"] == challenge_id:
            found = re.search("[0-9]{6}", one["text"])
            if found is not None:
                return one["text"], found[0]
    raise WentWrong("no text message was sent; start the service with GRAINLINE_TEXT_SENDER=file")
