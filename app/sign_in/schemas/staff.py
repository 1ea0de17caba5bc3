"""Bodies of managers' sign-in and of sessions."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.platform.clock import Instant

_Login = Annotated[str, Field(min_length=1, max_length=80)]
_Password = Annotated[str, Field(min_length=1, max_length=1024)]
_Code = Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class Transport(StrEnum):
    """How a session travels: in a cookie that scripts cannot read, or in the body of the answer."""

    COOKIE = "cookie"
    BEARER = "bearer"


class Step(StrEnum):
    """What comes after the password."""

    TOTP = "totp"
    ENROLL_TOTP = "enroll_totp"


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class PasswordGiven(_Given):
    """The first step."""

    login: _Login
    password: _Password


class ActivationGiven(_Given):
    """The first password of an account."""

    login: _Login
    activation_code: Annotated[str, Field(min_length=1, max_length=80)]
    password: _Password


class SecondFactorGiven(_Given):
    """The second step: a code of the authenticator, or one of the recovery codes."""

    challenge: Annotated[str, Field(min_length=1, max_length=80)]
    code: _Code | None = None
    recovery_code: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    transport: Transport = Transport.BEARER

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.code is None) == (self.recovery_code is None):
            raise PydanticCustomError("invalid", "one of code and recovery_code")
        return self


class StepUpGiven(_Given):
    """Both proofs once more."""

    password: _Password
    code: _Code


class NewPasswordGiven(_Given):
    """A change of password."""

    current_password: _Password
    new_password: _Password


class NextStepView(BaseModel):
    """The password fits; `challenge` goes with the second step, within five minutes.

    `provisioning_uri` (next: enroll_totp) is what an authenticator reads; it is shown this once.
    """

    next: Step
    challenge: str
    expires_at: Instant
    provisioning_uri: str | None


class SignedInView(BaseModel):
    """A session. `token` is null when it travels in the cookie; `recovery_codes` are shown this once."""

    session_id: UUID
    token: str | None
    expires_at: Instant
    idle_seconds: int | None
    recovery_codes: list[str] | None
    recovery_codes_left: int


class SteppedUpView(BaseModel):
    """How long the second proof counts."""

    stepped_up_until: Instant


class RecoveryCodesView(BaseModel):
    """New recovery codes, shown this once; the ones before count no more."""

    recovery_codes: list[str]


class SessionView(BaseModel):
    """A session of the caller."""

    id: UUID
    label: str | None
    kind: Literal["cookie", "bearer", "script"]
    created_at: Instant
    last_used_at: Instant | None
    expires_at: Instant
    is_current: bool
