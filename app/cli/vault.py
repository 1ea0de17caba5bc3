"""`grainline vault`: the keys of members' personal data."""

import stat
from typing import Annotated

import typer

from app.platform.clock import shown, utc_now
from app.platform.database import Database
from app.platform.doctor import Finding, Level
from app.platform.settings import Settings, get_settings

commands = typer.Typer(help="The keys of members' personal data.", no_args_is_help=True)

_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@commands.command()
def status() -> None:
    """List the keys of all street unions, with the number of values that each one seals."""
    from app.access.rotation import count_by_version
    from app.cli.connect import in_transaction
    from app.unions.queries import list_data_keys

    settings = get_settings()
    found = in_transaction(settings, list_data_keys)
    counted = in_transaction(settings, count_by_version)
    for key, union in found:
        if key.purpose == "data":
            count = counted.get((key.union_id, key.version), 0)
            state = f"destroyed {shown(key.destroyed_at)}" if key.destroyed_at else f"{count} values"
            line = (
                f"{union.number:>5}  {union.code:<12} version {key.version}, master key {key.master_version}"
            )
            print(f"{line}, from {shown(key.active_from)}: {state}")
    if not found:
        print("No street union has keys; they are made with its first member")


@commands.command()
def rotate(street: Annotated[str, typer.Argument(help="Number or code of the street union.")]) -> None:
    """Give a street union a fresh data key; the worker seals everything anew and destroys the old key."""
    from app.access.rotation import add_version
    from app.cli.connect import in_transaction
    from app.unions.queries import get_street

    settings = get_settings()
    union = in_transaction(settings, lambda session: get_street(session, street))
    version = in_transaction(settings, lambda session: add_version(session, union.id, now=utc_now()))
    print(f"Version {version} of the data key of {union.code} seals in a minute; the worker does the rest")


@commands.command("rotate-master")
def rotate_master() -> None:
    """Make a master key and wrap the keys of all street unions with it."""
    from app.access.masters import MasterKeyMissing
    from app.access.rotation import rewrap
    from app.cli.connect import in_transaction
    from app.platform.sealing import Sealed

    settings = get_settings()
    try:
        version, count = in_transaction(settings, rewrap)
    except MasterKeyMissing as error:
        raise OSError(str(error)) from None
    except Sealed:
        raise OSError(f"a master key in {settings.vault_dir} is not the one that wrapped the keys") from None
    print(f"Master key {version} in {settings.vault_dir} wraps {count} keys")
    print(
        "Every machine of the service needs that file. Older master keys open older backups only: keep them"
    )
    print("as long as those, apart from them; without them the old backups are sealed for ever")


async def check_vault(settings: Settings, database: Database) -> Finding:
    """Return whether the keys of personal data open with the master keys that are there."""
    from app.access.masters import MasterKeyMissing, Masters
    from app.access.scope import every_union
    from app.access.vault import Vault
    from app.platform.sealing import Sealed
    from app.unions.queries import list_data_keys

    vault, name = Vault(settings.vault_dir), "vault"
    async with database.transaction(every_union("keys belong to the installation")) as session:
        held = [key for key, _ in await list_data_keys(session) if key.wrapped is not None]
    for key in held:
        try:
            vault.unwrap(key)
        except MasterKeyMissing as error:
            return Finding(Level.FAIL, name, str(error))
        except Sealed:
            detail = (
                f"master key {key.master_version} in {settings.vault_dir} is not the one of this database"
            )
            return Finding(Level.FAIL, name, detail)
    masters = Masters(settings.vault_dir)
    for version in masters.versions():
        if masters.path(version).stat().st_mode & _OPEN_TO_OTHERS:
            return Finding(Level.FAIL, name, f"others can read {masters.path(version)}; chmod 600")
    unions = len({key.union_id for key in held})
    return Finding(Level.OK, name, f"the keys of {unions} street unions open")
