"""What the service can refuse: one class for each refusal, one stable code for each class."""

from collections.abc import Mapping
from typing import Any, ClassVar

CATALOGUE: dict[str, type["DomainError"]] = {}


class DomainError(Exception):
    """A refusal with a stable code; texts live in `app/locales`, keyed by the code.

    Keyword arguments fill the placeholders of the text; those named in `shown` also become
    members of the problem document (RFC 9457 section 3.2), so they must never be personal data.
    """

    code: ClassVar[str] = ""
    status: ClassVar[int] = 500
    shown: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, code: str, status: int, shown: tuple[str, ...] = ()) -> None:
        """Register the refusal: `class SoldOut(DomainError, code="campaigns.sold_out", status=409)`."""
        super().__init_subclass__()
        cls.code, cls.status, cls.shown = code, status, shown
        if CATALOGUE.setdefault(code, cls) is not cls:
            raise TypeError(f"problem code {code} is already taken")

    def __init__(self, **params: Any) -> None:
        """Keep the values for the text and the extension members."""
        super().__init__(self.code)
        self.params: Mapping[str, Any] = params

    @property
    def detail_key(self) -> str:
        """The key of the text that explains the refusal: its code, unless the values call for another."""
        return self.code

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that belong to the refusal (`Retry-After` in seconds)."""
        if "retry_after" in self.params:
            return {"Retry-After": str(self.params["retry_after"])}
        return {}


class Unauthenticated(DomainError, code="access.unauthenticated", status=401):
    """No token, or one that is unknown, expired or revoked."""

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 section 11.6.1: a 401 names the scheme."""
        return {"WWW-Authenticate": "Bearer"}


class SignatureRefused(DomainError, code="devices.signature_refused", status=401):
    """The call has a token of a paired device, but not the device's own signature, made now and for once."""

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 section 11.6.1: a 401 names the scheme."""
        return {"WWW-Authenticate": "Bearer"}


class Forbidden(DomainError, code="access.forbidden", status=403):
    """The caller may not do this kind of thing."""


class StepUpRequired(DomainError, code="access.step_up_required", status=403):
    """The caller may do this, but has to prove once more who they are (password and second factor)."""


class CrossSite(DomainError, code="access.cross_site", status=403):
    """The call came with the session cookie, but not from a page of this service."""


class TwoCredentials(DomainError, code="access.two_credentials", status=400):
    """The call carries the session cookie and a bearer token: it cannot be told who calls."""


class NotFound(DomainError, code="platform.not_found", status=404):
    """Not there, or not yours: the two are never told apart."""


class MethodNotAllowed(DomainError, code="platform.method_not_allowed", status=405):
    """The address is there, the method is not."""


class Conflict(DomainError, code="platform.conflict", status=409):
    """The database refused the change: another one came first."""


class PreconditionFailed(DomainError, code="platform.precondition_failed", status=412, shown=("version",)):
    """`If-Match` names a version that is no longer current; `version` is the one that is."""


class PreconditionRequired(DomainError, code="platform.precondition_required", status=428):
    """The call changes a shared thing and must say which version it saw (`If-Match`)."""


class BodyTooLarge(DomainError, code="platform.body_too_large", status=413, shown=("limit_bytes",)):
    """The request body is over the limit."""


class MalformedRequest(DomainError, code="platform.malformed", status=422):
    """The request does not have the documented form; `errors` says where."""


class TooManyRequests(DomainError, code="platform.too_many_requests", status=429, shown=("retry_after",)):
    """One caller asks too often; the proxy in front answers with this code (`deploy/nginx.conf`)."""


class Busy(DomainError, code="platform.busy", status=503, shown=("retry_after",)):
    """Too many callers at once; nothing was changed."""


class Unavailable(DomainError, code="platform.unavailable", status=503, shown=("retry_after",)):
    """The database cannot be reached; with the same key the call may be repeated."""


class NotReady(DomainError, code="platform.not_ready", status=503, shown=("missing", "retry_after")):
    """The service is up but cannot do its work yet; `missing` says what it waits for."""


class StorageFull(DomainError, code="platform.storage_full", status=507, shown=("retry_after",)):
    """The database has no room left; reads still work."""


class InternalError(DomainError, code="platform.internal", status=500):
    """A defect of the service; the request id finds it in the log."""


class KeyRequired(DomainError, code="idempotency.key_required", status=400):
    """The call needs an `Idempotency-Key` header of 1 to 64 visible ASCII characters."""


class KeyReused(DomainError, code="idempotency.key_reused", status=422):
    """The key was used with another body."""


class KeyInFlight(DomainError, code="idempotency.in_flight", status=409, shown=("retry_after",)):
    """The first call with this key has not ended yet."""
