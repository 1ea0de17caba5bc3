"""Building the members' door from the settings: the sender of texts, the host, the desk."""

from pathlib import Path

from app.platform.database import Database
from app.platform.errands import Errands
from app.platform.limits import Limiter
from app.platform.oidc import OidcClient, OidcTerms
from app.platform.secrets_kept import kept_secret
from app.platform.settings import Settings
from app.platform.sign_in_settings import sender_of
from app.platform.text_senders import (
    ConsoleTextSender,
    FileTextSender,
    HttpTextSender,
    TextSender,
    read_headers,
)
from app.sign_in.actions.code_desk import CodeDesk, Rates
from app.sign_in.actions.door import MemberDoor
from app.sign_in.actions.host import ClaimsMap, HostAdapter, MockHost, OidcHost, TicketHost
from app.sign_in.actions.nonces import NonceStore

RETURN_PATH = "/api/v1/sign-in/host/return"


def open_door(settings: Settings, database: Database, *, limiter: Limiter, errands: Errands) -> MemberDoor:
    """Return the door that the settings describe; raises ValueError, OSError for files that are no good."""
    secret = kept_secret(settings.member_sign_in_secret)
    nonces = NonceStore(database)
    desk = CodeDesk(
        database,
        limiter=limiter,
        errands=errands,
        sender=text_sender(settings),
        secret=secret,
        rates=Rates(settings.codes_per_address_hour, settings.texts_per_hour),
    )
    return MemberDoor(
        database=database,
        limiter=limiter,
        errands=errands,
        desk=desk,
        nonces=nonces,
        adapter=host_adapter(settings, nonces),
        vouching_level=settings.host_vouching_level,
        secret=secret,
    )


def text_sender(settings: Settings) -> TextSender | None:
    """Return the sender that the settings choose; None when no texts are sent."""
    name = sender_of(settings.text_sender, is_production=settings.is_production)
    if name == "console":
        return ConsoleTextSender(shows=not settings.is_production)
    if name == "file":
        return FileTextSender(settings.text_file or settings.data_dir / "texts.jsonl")
    if name == "http" and settings.text_http_url is not None:
        file = settings.text_http_headers_file
        return HttpTextSender(
            settings.text_http_url,
            body=settings.text_http_body,
            headers={} if file is None else read_headers(file),
            method=settings.text_http_method,
        )
    return None


def host_adapter(settings: Settings, nonces: NonceStore) -> HostAdapter | None:
    """Return the adapter that the settings choose, or None."""
    claims = ClaimsMap(settings.host_claims, settings.host_real_name_level)
    if settings.host_adapter == "mock" and not settings.is_production:
        return MockHost()
    if settings.host_adapter == "ticket_hmac" and settings.host_ticket_secret_file is not None:
        secret = _secret_in(settings.host_ticket_secret_file).encode()
        return TicketHost(settings.host_issuer, secret, nonces=nonces, claims=claims)
    if settings.host_adapter == "oidc":
        return OidcHost(OidcClient(_terms(settings)), claims=claims)
    return None


def _terms(settings: Settings) -> OidcTerms:
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        raise ValueError("GRAINLINE_OIDC_ISSUER and GRAINLINE_OIDC_CLIENT_ID are not set")
    file = settings.oidc_client_secret_file
    return OidcTerms(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        redirect_uri=settings.public_url + RETURN_PATH,
        scopes=settings.oidc_scopes,
        client_secret=None if file is None else _secret_in(file),
        authorization_endpoint=settings.oidc_authorization_endpoint,
        token_endpoint=settings.oidc_token_endpoint,
        jwks_uri=settings.oidc_jwks_uri,
    )


def _secret_in(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
