"""Bodies of devices, their pairing, and the clerks at them."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.devices.rules.one_time_codes import LONGEST_INPUT
from app.devices.rules.pins import LONGEST, SHORTEST
from app.devices.rules.signature import Algorithm
from app.devices.tables import Device
from app.platform.clock import GivenInstant, Instant
from app.platform.text import LINE, WITHOUT_NUL

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=LINE), AfterValidator(str.strip)]
Why = Annotated[str, Field(min_length=2, max_length=200, pattern=LINE), AfterValidator(str.strip)]
Pin = Annotated[str, Field(pattern=rf"^[0-9]{{{SHORTEST},{LONGEST}}}$", description="6 to 8 digits")]
Login = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,39}$")]
_Base64url = r"^[A-Za-z0-9_-]*$"


class PairingDraft(BaseModel):
    """What an officer sends to pair a device: what it will be called, where and when it may be used."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    pickup_point_id: UUID
    valid_from: GivenInstant
    valid_until: GivenInstant

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.valid_until <= self.valid_from:
            raise ValueError("period")
        return self


class PairingView(BaseModel):
    """A pairing code, shown this once: as text to type, as the text of a QR picture, and the picture."""

    pairing_code: str
    payload: str
    qr_svg: str
    expires_at: Instant


class PairingRequest(BaseModel):
    """What a device sends: the code, its public key, and a signature that it has the private half."""

    model_config = ConfigDict(extra="forbid")

    pairing_code: Annotated[str, Field(min_length=1, max_length=LONGEST_INPUT, pattern=WITHOUT_NUL)]
    algorithm: Algorithm
    public_key: Annotated[str, Field(max_length=100, pattern=_Base64url, description="raw, base64url")]
    proof: Annotated[str, Field(max_length=100, pattern=_Base64url, description="64 bytes, base64url")]


class UnionOfDevice(BaseModel):
    """The street union of a device; `number` stands for it in pickup codes."""

    id: UUID
    name: str
    number: int | None


class PointOfDevice(BaseModel):
    """The pickup point of a device."""

    id: UUID
    name: str


class PairedView(BaseModel):
    """What a device is from now on; `token` is shown this once."""

    device_id: UUID
    union: UnionOfDevice
    pickup_point: PointOfDevice
    valid_from: Instant
    valid_until: Instant
    token: str


class OwnDeviceView(BaseModel):
    """What a device is told about itself; `key_list_version` names the signing keys it should hold."""

    device_id: UUID
    name: str
    union: UnionOfDevice
    pickup_point: PointOfDevice
    valid_from: Instant
    valid_until: Instant
    key_list_version: str


class DeviceView(BaseModel):
    """A device as those see it who look after it."""

    id: UUID
    union_id: UUID
    name: str
    pickup_point_id: UUID
    algorithm: Algorithm
    valid_from: Instant
    valid_until: Instant
    paired_at: Instant
    last_seen_at: Instant | None
    clock_skew_seconds: int | None
    revoked_at: Instant | None
    version: int


def device_view(device: Device) -> DeviceView:
    """Return a device as it is answered."""
    return DeviceView.model_validate(device, from_attributes=True)


class DeviceChange(BaseModel):
    """What is to be different about a device; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    pickup_point_id: UUID | None = None
    valid_until: GivenInstant | None = None


class Revocation(BaseModel):
    """Why a device is revoked."""

    model_config = ConfigDict(extra="forbid")

    reason: Why


class PinChange(BaseModel):
    """A clerk's own PIN."""

    model_config = ConfigDict(extra="forbid")

    pin: Pin


class PinSetView(BaseModel):
    """When the PIN was set."""

    changed_at: Instant


class PinCodeView(BaseModel):
    """A code with which a clerk sets a PIN on a device, once; shown this once."""

    code: str
    expires_at: Instant


class PinActivation(BaseModel):
    """A clerk's login, the code from the officer, and the PIN that the clerk chose."""

    model_config = ConfigDict(extra="forbid")

    login: Login
    code: Annotated[str, Field(min_length=1, max_length=LONGEST_INPUT, pattern=WITHOUT_NUL)]
    pin: Pin


class ClerkSignIn(BaseModel):
    """Who wants to work at the device."""

    model_config = ConfigDict(extra="forbid")

    login: Login
    pin: Pin


class ClerkView(BaseModel):
    """The clerk at the device from now on; `token` is shown this once."""

    token: str
    staff_id: UUID
    display_name: str
    expires_at: Instant


class SignedOutView(BaseModel):
    """How many clerks were signed out."""

    signed_out: int
