"""The commands. Each reads the settings, calls one function and turns a refusal into a sentence.

A command imports what it needs when it runs, so that `grainline --help` and `grainline token` are quick.
"""

import asyncio
import logging
import sys
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.cli import audit, keys, stock, unions, vault
from app.platform.errors import DomainError
from app.platform.postgres_files import PostgresError
from app.platform.settings import Settings, get_settings

cli = typer.Typer(
    name="grainline",
    help="Grainline: gift boxes, from a published campaign to a box in a member's hands.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
demo = typer.Typer(help="The demo data.", no_args_is_help=True)
token = typer.Typer(help="Bearer tokens for scripts and tests; not in production.", no_args_is_help=True)
staff = typer.Typer(help="Staff accounts.", no_args_is_help=True)
cli.add_typer(demo, name="demo")
cli.add_typer(token, name="token")
cli.add_typer(staff, name="staff")
cli.add_typer(unions.commands, name="unions")
cli.add_typer(keys.commands, name="keys")
cli.add_typer(audit.commands, name="audit")
cli.add_typer(vault.commands, name="vault")
cli.add_typer(stock.commands, name="stock")


def main() -> None:
    """Run the command line; a known refusal is one line on standard error and exit code 1."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        cli()
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        _fail("\n".join(_explain(error)))
    except DomainError as error:
        _fail(_sentence(error))
    except SQLAlchemyError as error:
        _fail(f"The database: {getattr(error, 'orig', None) or error}")
    except (PostgresError, OSError) as error:
        _fail(str(error) or type(error).__name__)


def _fail(reason: str) -> None:
    print(reason, file=sys.stderr)
    raise SystemExit(1)


def _explain(error: ValidationError) -> list[str]:
    """Name the settings that make no sense, and never their values: one is a password."""
    lines = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        if item["type"] == "default_factory_not_called":
            continue  # it follows from another one
        name, reason = ".".join(str(part) for part in item["loc"]), item["msg"].removeprefix("Value error, ")
        lines.append(f"{name}: {reason}" if name else reason)
    return lines


def _sentence(error: DomainError) -> str:
    from app.platform.i18n import text

    try:
        return f"{text('en', error.code, part='detail', **error.params)} ({error.code})"
    except (KeyError, OSError):
        return error.code


@cli.command()
def up() -> None:
    """Start everything: private PostgreSQL (unless DATABASE_URL), migrations, demo data, web, worker."""
    from app.cli.up import CannotStart, run_up

    try:
        raise typer.Exit(run_up(get_settings()))
    except CannotStart as error:
        _fail(str(error))


@cli.command()
def web() -> None:
    """Serve the web API."""
    from app.cli.connect import database_url
    from app.cli.web import run_web

    settings = get_settings()
    with database_url(settings) as url:
        run_web(settings, url)


@cli.command()
def worker() -> None:
    """Do what happens by itself: messages, expiry, tidying up."""
    from app.cli.connect import database_url
    from app.worker import run_worker

    settings = get_settings()
    with database_url(settings) as url:
        asyncio.run(run_worker(_with_database(settings, url)))


@cli.command()
def migrate(
    revision: Annotated[str, typer.Argument(help="Where to go up to.")] = "head",
    down: Annotated[str, typer.Option(metavar="REV", help="Go down to this revision instead.")] = "",
) -> None:
    """Bring the database's tables to the newest revision."""
    from alembic.util import CommandError

    from app.cli.connect import database_urls
    from app.platform import migrations

    settings = get_settings()
    with database_urls(settings) as urls:
        try:
            if down:
                migrations.downgrade(urls.owner, down)
            else:
                migrations.upgrade(urls.owner, revision)
                if settings.owner_database_url is not None:
                    migrations.make_login(urls.owner, urls.app)
        except CommandError as error:
            _fail(str(error))
    print(f"The database is at {down or revision}")


@cli.command()
def doctor() -> None:
    """Check settings, database, migrations, clock and keys; exit code 1 if something must not stay."""
    from app.cli.examine import examine
    from app.platform.doctor import has_failed

    findings = examine(get_settings())
    for finding in findings:
        print(finding)
    raise typer.Exit(1 if has_failed(findings) else 0)


@cli.command()
def openapi(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 1 if it differs.")] = False,
) -> None:
    """Write docs/openapi.json and docs/problems.md from the code."""
    from app.cli.documents import outdated, write

    if not check:
        write()
    elif stale := outdated():
        _fail(f"Out of date: {', '.join(stale)}. Run `make openapi`.")


@demo.command("load")
def load() -> None:
    """Fill an empty database with the demo data."""
    from app.cli.connect import database_url
    from app.cli.up import fill_demo

    settings = get_settings()
    if settings.is_production:
        _fail("There is no demo data in production.")
    with database_url(settings) as url:
        is_done = asyncio.run(fill_demo(settings, url))
    print("Loaded the demo data" if is_done else "The database is not empty; nothing was loaded")


@token.command("member")
def member_token(number: Annotated[str, typer.Argument(help="Member number, such as M0000001.")]) -> None:
    """Print a token for a member; it is the last word of the output."""
    from app.cli.connect import in_transaction
    from app.platform.clock import utc_now
    from app.unions.actions import issue_member_token

    settings = _outside_production()
    text = in_transaction(settings, lambda session: issue_member_token(session, number, now=utc_now()))
    print(f"Token of member {number}: {text}")


@token.command("staff")
def staff_token(login: Annotated[str, typer.Argument(help="Login, such as clerk-xjk.")]) -> None:
    """Print a token for a staff account; it is the last word of the output."""
    from app.cli.connect import in_transaction
    from app.platform.clock import utc_now
    from app.unions.actions import issue_staff_token

    settings = _outside_production()
    text = in_transaction(settings, lambda session: issue_staff_token(session, login, now=utc_now()))
    print(f"Token of staff account {login}: {text}")


@token.command("revoke")
def revoke(text: Annotated[str, typer.Argument(metavar="TOKEN", help="The token.")]) -> None:
    """Revoke a token; every worker refuses it at once."""
    from app.access.tokens import digest_of, revoke_token
    from app.cli.connect import in_transaction
    from app.platform.clock import utc_now

    in_transaction(get_settings(), lambda session: revoke_token(session, digest_of(text), now=utc_now()))
    print("Revoked")


@staff.command("add")
def add_staff(
    login: Annotated[str, typer.Argument(help="3 to 40 small letters, digits, dashes, such as admin-xjk.")],
    *,
    union: Annotated[str, typer.Option(metavar="CODE", help="Code of the street union, or one above.")],
    role: Annotated[str, typer.Option(help="Such as sys_admin, union_officer, station_clerk.")],
    name: Annotated[str, typer.Option(help="The name that others see.")],
    unit: Annotated[str | None, typer.Option(metavar="CODE", help="Its code, for roles of a unit.")] = None,
) -> None:
    """Add a staff account without a password: the first administrator. Then invite it."""
    from app.access.policy import STAFF_ROLES, Role
    from app.cli.connect import in_transaction
    from app.platform.clock import utc_now
    from app.sign_in.actions.invite import NewAccount, add_staff

    if role not in STAFF_ROLES:
        _fail(f"{role} is no role of a staff account; there are {', '.join(STAFF_ROLES)}")
    wanted = NewAccount(login, Role(role), union_code=union, unit_code=unit, name=name)
    in_transaction(get_settings(), lambda session: add_staff(session, wanted, now=utc_now()))
    print(f"Added {login}; it has no password yet: grainline staff invite {login}")


@staff.command("invite")
def invite_staff(
    login: Annotated[str, typer.Argument(help="Login, such as clerk-xjk.")],
    *,
    reset: Annotated[
        bool, typer.Option("--reset", help="Take password and second factor away; end all sessions.")
    ] = False,
) -> None:
    """Print the code that sets an account's first password: once, within 24 hours; it is the last word."""
    from app.cli.connect import in_transaction
    from app.platform.clock import utc_now
    from app.sign_in.actions.invite import invite

    code = in_transaction(get_settings(), lambda session: invite(session, login, reset=reset, now=utc_now()))
    print(f"Activation code of {login}, for 24 hours: {code}")


@staff.command("disable")
def disable(login: Annotated[str, typer.Argument(help="Login, such as clerk-xjk.")]) -> None:
    """Disable a staff account; every worker refuses its tokens at once."""
    from app.cli.connect import in_transaction
    from app.platform.clock import utc_now
    from app.unions.actions import disable_staff

    in_transaction(get_settings(), lambda session: disable_staff(session, login, now=utc_now()))
    print(f"Disabled {login}")


def _outside_production() -> Settings:
    settings = get_settings()
    if settings.is_production:
        _fail("Tokens are not handed out on the command line in production; people sign in.")
    return settings


def _with_database(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database_url": url})
