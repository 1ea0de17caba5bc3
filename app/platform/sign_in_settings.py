"""What an operator chooses about members' sign-in: where text messages go, which host or provider vouches."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.platform.text_senders import is_safe_address

TextSenderName = Literal["none", "console", "file", "http"]
_OIDC = ("oidc_issuer", "oidc_client_id")
_ENDPOINTS = ("oidc_authorization_endpoint", "oidc_token_endpoint", "oidc_jwks_uri")


class MemberSignInSettings(BaseModel):
    """The part of the settings that is about how members sign in."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    text_sender: TextSenderName | None = None
    """How one-time codes leave: not at all, to the console, to a file, or to an HTTP gateway. Without it: the
    console of a demo, and not at all in production, which refuses `console` and `file`."""

    text_file: Path | None = None
    """The file of the text sender `file`, one JSON object a line; without it, `texts.jsonl` in `data_dir`."""

    text_http_url: str | None = None
    """The address of the text gateway (https)."""

    text_http_method: Literal["POST", "PUT"] = "POST"
    """The method of a call to the text gateway."""

    text_http_headers_file: Path | None = None
    """A file with the gateway's headers, one `Name: value` a line, such as its key."""

    text_http_body: str = '{"mobile": "{mobile}", "text": "{text}", "out_id": "{out_id}"}'
    """The JSON body for the text gateway; `{mobile}`, `{text}` and `{out_id}` are filled in."""

    texts_per_hour: Annotated[int, Field(ge=1, le=1_000_000)] = 2_000
    """How many codes are sent in an hour at most, all members together: what a flood may cost."""

    codes_per_address_hour: Annotated[int, Field(ge=1, le=10_000)] = 20
    """How many codes one network address may ask for in an hour; raise it for a hall with one address."""

    host_adapter: Literal["none", "mock", "oidc", "ticket_hmac"] = "none"
    """Which host app or identity provider members come from; production refuses `mock`."""

    host_vouching_level: Annotated[int, Field(ge=1, le=3)] = 2
    """From which real-name level on (1 mobile, 2 document, 3 in person) the host's word links a member."""

    host_real_name_level: Annotated[int, Field(ge=0, le=3)] = 0
    """The real-name level of a host that does not say it of each person."""

    host_claims: dict[str, str] = {}
    """How the host calls `subject`, `member_number`, `name`, `mobile`, `last4`, `real_name_level` (JSON)."""

    host_issuer: Annotated[str, Field(min_length=1, max_length=300)] = "host"
    """The name under which identities of a host with tickets are kept; never change it."""

    host_ticket_secret_file: Path | None = None
    """The file of the secret shared with a host that signs tickets, 32 bytes at least."""

    oidc_issuer: str | None = None
    """The issuer of the identity provider, exactly as in its tokens."""

    oidc_client_id: str | None = None
    """What the identity provider calls us."""

    oidc_client_secret_file: Path | None = None
    """The file of our secret at the identity provider; without it we are a public client."""

    oidc_scopes: str = "openid profile"
    """What is asked of the identity provider."""

    oidc_authorization_endpoint: str | None = None
    """Where browsers are sent; without the three endpoints they are discovered from the issuer."""

    oidc_token_endpoint: str | None = None
    """Where codes are exchanged."""

    oidc_jwks_uri: str | None = None
    """Where the keys of the identity provider are."""


def sender_of(given: TextSenderName | None, *, is_production: bool) -> TextSenderName:
    """Return which text sender is meant."""
    return given if given is not None else "none" if is_production else "console"


def check_member_sign_in(settings: MemberSignInSettings, *, is_production: bool) -> None:
    """Raise ValueError for settings that cannot work, or that production must not have."""
    if is_production and settings.text_sender in {"console", "file"}:
        raise ValueError("production sends no codes to a console or a file: GRAINLINE_TEXT_SENDER")
    if is_production and settings.host_adapter == "mock":
        raise ValueError("GRAINLINE_HOST_ADAPTER=mock lets anybody in; production refuses it")
    lacking = [name for name in _needed(settings) if getattr(settings, name) is None]
    if lacking:
        raise ValueError("not set: " + ", ".join(f"GRAINLINE_{name.upper()}" for name in lacking))
    addresses = ("text_http_url", "oidc_issuer", *_ENDPOINTS)
    for name in addresses:
        if (url := getattr(settings, name)) is not None and not is_safe_address(url):
            raise ValueError(f"GRAINLINE_{name.upper()} must begin with https://")


def _needed(settings: MemberSignInSettings) -> list[str]:
    needed = ["text_http_url"] if settings.text_sender == "http" else []
    if settings.host_adapter == "oidc":
        needed += _OIDC
        if any(getattr(settings, name) is not None for name in _ENDPOINTS):
            needed += _ENDPOINTS
    if settings.host_adapter == "ticket_hmac":
        needed.append("host_ticket_secret_file")
    return needed
