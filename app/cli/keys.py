"""`grainline keys`: the keys that sign pickup codes, `next → active → verify_only → withdrawn`."""

from typing import Annotated

import typer

from app.platform.clock import shown, utc_now
from app.platform.settings import get_settings

commands = typer.Typer(help="The keys that sign pickup codes.", no_args_is_help=True)

KeyId = Annotated[int, typer.Argument(metavar="ID", help="Number of the key, see `grainline keys list`.")]


@commands.command("list")
def show() -> None:
    """List all keys."""
    from app.cli.connect import in_transaction
    from app.redemptions.queries import list_keys

    found = in_transaction(get_settings(), list_keys)
    for key in found:
        print(f"{key.id:>3}  {key.state:<11}  since {shown(key.changed_at)}  {key.public_key.hex()}")
    if not found:
        print("There is no key; make one with `grainline keys new`")


@commands.command()
def new() -> None:
    """Make a key. It verifies at once and signs when it is activated, so that scanners know it by then."""
    from app.cli.connect import in_transaction
    from app.platform.signing import KeyStore
    from app.redemptions.actions.keys import make_key

    settings = get_settings()
    store = KeyStore(settings.keys_dir)
    key = in_transaction(settings, lambda session: make_key(session, store, now=utc_now()))
    print(f"Made key {key.id}; `grainline keys activate {key.id}` lets it sign")


@commands.command()
def activate(key_id: KeyId) -> None:
    """Let a key sign; the one that did so until now only verifies."""
    _change(key_id, "active")


@commands.command()
def retire(key_id: KeyId) -> None:
    """Let a key sign no more; the codes that it signed stay good."""
    _change(key_id, "verify_only")


@commands.command()
def withdraw(
    key_id: KeyId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Refuse every code that a key ever signed: for a key that others may have got hold of."""
    if not yes:
        typer.confirm(f"Every code signed with key {key_id} will be refused, for ever. Go on?", abort=True)
    _change(key_id, "withdrawn")


def _change(key_id: int, wanted: str) -> None:
    from app.cli.connect import in_transaction
    from app.redemptions.actions.keys import change_key
    from app.redemptions.rules.keys import KeyState

    state = KeyState(wanted)
    key = in_transaction(get_settings(), lambda session: change_key(session, key_id, state, now=utc_now()))
    print(f"Key {key.id} is {key.state}")
