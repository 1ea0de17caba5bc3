"""Bodies of members' sign-in. A mobile number goes in and never comes out; a token comes out once."""

from typing import Annotated, Literal
from unicodedata import normalize
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.platform.clock import Instant
from app.sign_in.rules.linking import is_own_path
from app.unions.rules.numbers import normalise_last4, normalise_mobile

Mobile = Annotated[
    str,
    Field(max_length=32, description="a mobile number of mainland China"),
    AfterValidator(normalise_mobile),
]
Last4 = Annotated[
    str,
    Field(max_length=8, description="the last four characters of the identity number"),
    AfterValidator(normalise_last4),
]
Transport = Annotated[
    Literal["cookie", "bearer"],
    Field(description="`cookie` for the web client (the token is in the cookie only), `bearer` for others"),
]


def _six_digits(given: str) -> str:
    code = normalize("NFKC", given).strip()
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        raise PydanticCustomError("invalid", "not six digits")
    return code


def _own_path(given: str) -> str:
    if not is_own_path(given):
        raise PydanticCustomError("invalid", "not a page of ours")
    return given


NextPath = Annotated[str, AfterValidator(_own_path)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CodeWanted(_Asked):
    """Whom to send a code."""

    mobile: Mobile


class CodeBegun(BaseModel):
    """A code was sent if the number is a member's; the answer is the same if it is not."""

    challenge_id: UUID
    expires_at: Instant
    retry_after_seconds: int


class CodeProof(_Asked):
    """The code of a text message."""

    challenge_id: UUID
    code: Annotated[str, Field(max_length=12), AfterValidator(_six_digits)]
    transport: Transport


class CodeChoice(_Asked):
    """Who, of those who share a number."""

    challenge_id: UUID
    choice_id: Annotated[str, Field(min_length=1, max_length=64)]
    transport: Transport


class OpenedSession(BaseModel):
    """A session that was opened; `token` is null when it is in the cookie."""

    token: str | None
    expires_at: Instant


class ChoiceView(BaseModel):
    """One of those who share a number."""

    choice_id: str
    name_masked: str
    unit_name: str


class CodeOutcome(BaseModel):
    """The session; or, when several members share the number, whom to choose from."""

    session: OpenedSession | None
    choices: list[ChoiceView]


_Name = Annotated[str, Field(min_length=1, max_length=64)]


class HostTicket(_Asked):
    """The parameters with which a host app opened our page, as they were."""

    params: Annotated[dict[_Name, Annotated[str, Field(max_length=512)]], Field(min_length=1, max_length=20)]
    transport: Transport


class LinkWanted(BaseModel):
    """The identity is believed and linked to nobody yet: say who you are with `POST /sign-in/link`."""

    ticket: str
    expires_at: Instant


class HostOutcome(BaseModel):
    """The session; or, the first time, a ticket for the link."""

    outcome: Literal["signed_in", "link_required"]
    session: OpenedSession | None
    link: LinkWanted | None


class LinkClaim(_Asked):
    """Who somebody says they are: by member number or name, and always mobile and last four."""

    ticket: Annotated[str, Field(min_length=20, max_length=100)]
    member_number: Annotated[str | None, Field(min_length=1, max_length=40)] = None
    name: Annotated[str | None, Field(min_length=1, max_length=50)] = None
    mobile: Mobile
    last4: Last4
    transport: Transport

    @model_validator(mode="after")
    def _says_who(self) -> "LinkClaim":
        if self.member_number is None and self.name is None:
            raise PydanticCustomError("missing", "neither member number nor name")
        return self


class HostIdentityView(BaseModel):
    """An outside identity that stands for the caller."""

    id: UUID
    issuer: str
    linked_at: Instant
    last_used_at: Instant


class CodeMethod(BaseModel):
    """Signing in with a code in a text message."""

    is_open: bool
    digits: int
    life_seconds: int


class HostMethod(BaseModel):
    """Coming from a host app or an identity provider: by redirect, or with a ticket."""

    is_open: bool
    name: str | None
    kind: Literal["redirect", "ticket"] | None


class SignInMethods(BaseModel):
    """Which ways to sign in members have here."""

    code: CodeMethod
    host: HostMethod


class ProviderAnswer(_Asked):
    """What an identity provider adds to our address when it sends a browser back."""

    state: Annotated[str, Field(min_length=1, max_length=128)]
    code: Annotated[str | None, Field(max_length=2048)] = None
    iss: Annotated[str | None, Field(max_length=300)] = None
    session_state: Annotated[str | None, Field(max_length=512)] = None
    scope: Annotated[str | None, Field(max_length=512)] = None
    error: Annotated[str | None, Field(max_length=200)] = None
    error_description: Annotated[str | None, Field(max_length=1000)] = None
    error_uri: Annotated[str | None, Field(max_length=512)] = None
