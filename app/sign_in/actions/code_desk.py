"""Where one-time codes are asked for: limits first, then the challenge; who has the number, and the text
message, come after the answer, so that a known and an unknown number are answered alike and equally fast.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from app.platform.database import Database
from app.platform.errands import Errands
from app.platform.errors import TooManyRequests
from app.platform.i18n import text
from app.platform.limits import Limit, Limiter
from app.platform.text_senders import TextMessage, TextSender
from app.sign_in.actions.one_time_code import Begun, begin_challenge, note_members
from app.sign_in.errors import CodesTooOften, MethodOff, TextsPaused
from app.sign_in.queries.member import UNKNOWN_UNION
from app.sign_in.rules import one_time_code as rules
from app.sign_in.rules.one_time_code import digest_of_number
from app.sign_in.rules.standing import may_sign_in
from app.unions.queries import find_members_by_mobile

log = structlog.get_logger()
_HOUR = timedelta(hours=1)
PER_NUMBER = (
    Limit("sign_in.number.minute", rules.CODES_PER_MINUTE, timedelta(minutes=1)),
    Limit("sign_in.number.hour", rules.CODES_PER_HOUR, _HOUR, grows=True),
    Limit("sign_in.number.day", rules.CODES_PER_DAY, timedelta(days=1), grows=True),
)
EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Rates:
    """How many codes one address may ask for in an hour, and how many texts are sent in one, all together."""

    per_address: int = 20
    texts: int = 2_000


class CodeDesk:
    """The desk of one web process."""

    def __init__(
        self, database: Database, *, limiter: Limiter, errands: Errands, sender: TextSender | None,
        secret: bytes, rates: Rates,
    ) -> None:  # fmt: skip
        """Send through `sender`; without one this way to sign in is off."""
        self._database, self._limiter, self._errands, self._sender = database, limiter, errands, sender
        self._secret = secret
        self._paused_until: datetime | None = None
        self._per_address = Limit("sign_in.code.address", rates.per_address, _HOUR, grows=True)
        self._budget = Limit("sign_in.texts", rates.texts, _HOUR)

    @property
    def is_open(self) -> bool:
        """Tell whether codes can be asked for."""
        return self._sender is not None

    async def begin(self, mobile: str, address: str, *, now: datetime) -> Begun:
        """Begin a challenge for a normalised number, whoever has it.

        Raises MethodOff, TextsPaused, Busy and CodesTooOften, for known and unknown numbers alike.
        """
        if self._sender is None:
            raise MethodOff()
        self._check_pause(now)
        self._errands.check()
        await self._count(mobile, address, now=now)
        async with self._database.transaction(UNKNOWN_UNION) as session:
            begun = await begin_challenge(session, mobile, secret=self._secret, now=now)
        self._errands.add("sign_in.send_code", partial(self._send, begun, mobile, now=now))
        return begun

    async def _count(self, mobile: str, address: str, *, now: datetime) -> None:
        # The limiter gets a digest: what it keeps is hashed by it once more, and nothing else sees a number.
        number = digest_of_number(self._secret, mobile).hex()
        try:
            await self._limiter.take(self._per_address, address, now=now)
            for limit in PER_NUMBER:
                await self._limiter.take(limit, number, now=now)
        except TooManyRequests as refusal:
            raise CodesTooOften(**refusal.params) from None

    async def _send(self, begun: Begun, mobile: str, *, now: datetime) -> None:
        if not await self._note_members(begun.challenge_id, mobile) or self._sender is None:
            return
        try:
            await self._limiter.take(self._budget, EVERYBODY, now=now)
        except TooManyRequests as refusal:
            self._paused_until = now + timedelta(seconds=refusal.params["retry_after"])
            log.error("sign_in.budget_spent")
            return
        minutes = int(rules.LIFE.total_seconds() // 60)
        words = text("zh-CN", "message.sign_in_code", part="text", digits=begun.code, minutes=minutes)
        await self._sender.send(TextMessage(mobile, words, out_id=str(begun.challenge_id)))

    async def _note_members(self, challenge_id: UUID, mobile: str) -> bool:
        """Return whether there is somebody to send a code to."""
        async with self._database.transaction(UNKNOWN_UNION) as session:
            found = await find_members_by_mobile(session, None, mobile)
            member_ids = [member.id for member in found if may_sign_in(member.status)]
            is_latest = await note_members(session, challenge_id, member_ids)
        return is_latest and bool(member_ids)

    def _check_pause(self, now: datetime) -> None:
        if self._paused_until is not None and self._paused_until > now:
            raise TextsPaused(retry_after=int((self._paused_until - now).total_seconds()) + 1)
