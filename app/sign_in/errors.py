"""What sign-in can refuse. A refusal never says which part was wrong, nor whether somebody is known."""

from app.platform.errors import DomainError


class MethodOff(DomainError, code="sign_in.method_off", status=409):
    """This way to sign in is not switched on here."""


class CodesTooOften(DomainError, code="sign_in.codes_too_often", status=429, shown=("retry_after",)):
    """The number, or the address that asks for it, has been sent as many codes as it may."""


class TextsPaused(DomainError, code="sign_in.texts_paused", status=503, shown=("retry_after",)):
    """More codes were sent in this hour than the budget allows: for a while nobody gets one."""


class CodeRefused(DomainError, code="sign_in.code_refused", status=401):
    """The code is wrong, over, used or of another challenge, or the number is nobody's: not said which."""

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 section 11.6.1: a 401 names the scheme."""
        return {"WWW-Authenticate": "Bearer"}


class HostRefused(DomainError, code="sign_in.host_refused", status=401):
    """What the host app or identity provider gave proves nobody: not signed, over, used, or another's."""

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 section 11.6.1: a 401 names the scheme."""
        return {"WWW-Authenticate": "Bearer"}


class HostUnavailable(DomainError, code="sign_in.host_unavailable", status=503, shown=("retry_after",)):
    """The identity provider cannot be reached just now."""


class LinkRefused(DomainError, code="sign_in.link_refused", status=403):
    """What was said fits no member, or more than one, or the ticket is over: it is not said which."""


class TriesTooOften(DomainError, code="sign_in.tries_too_often", status=429, shown=("retry_after",)):
    """So many tries that for a while none more is looked at."""


class IdentityNotFound(DomainError, code="sign_in.identity_not_found", status=404):
    """No such linked identity, or not yours."""


class SignInRefused(DomainError, code="sign_in.refused", status=401):
    """Login, password or code do not fit, are over or were used: which of it is not said."""

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 section 11.6.1: a 401 names the scheme."""
        return {"WWW-Authenticate": "Bearer"}


class ProofRefused(DomainError, code="sign_in.proof_refused", status=403):
    """The second proof of somebody who is signed in does not fit; the session stays as it is."""


class PasswordWeak(DomainError, code="sign_in.password_weak", status=422, shown=("reason",)):
    """The password would be guessed; `reason` is too_short, too_long, context or known."""


class AlreadyActive(DomainError, code="sign_in.already_active", status=409):
    """The account has a password; a new activation code would take it away."""


class LoginTaken(DomainError, code="sign_in.login_taken", status=409):
    """There is an account with this login."""


class UnitMismatch(DomainError, code="sign_in.unit_mismatch", status=409):
    """The role needs a unit of the street union, or may not have one, or there is no such union or unit."""
