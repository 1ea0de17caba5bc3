"""`grainline stock`: whether the books of boxes add up."""

import typer

from app.platform.database import Database
from app.platform.doctor import Finding, Level
from app.platform.settings import get_settings

commands = typer.Typer(help="The ledger of boxes.", no_args_is_help=True)


@commands.callback()
def stock() -> None:
    """Keep `verify` a command of its own, with others to come."""


@commands.command()
def verify() -> None:
    """Add all movements up and compare them with the balances; exit code 1 if they differ, line by line."""
    from app.cli.connect import in_transaction
    from app.stock.queries.proof import prove_balances

    differences = in_transaction(get_settings(), prove_balances)
    for one in differences:
        account = one.account
        where = (
            "whole lot"
            if account is None
            else " ".join(str(part) for part in (account.kind, account.point_id) if part)
        )
        against = "consigned" if account is None else "movements add up to"
        print(f"lot {one.lot_id}, {where}: balance {one.held}, {against} {one.expected}")
    if differences:
        raise typer.Exit(1)
    print("In order: every balance is what its movements add up to")


async def check_stock(database: Database) -> Finding:
    """Return whether the balances are what their movements add up to."""
    from app.access.scope import every_union
    from app.stock.queries.proof import prove_balances

    async with database.transaction(every_union("the operator looks")) as session:
        differences = await prove_balances(session)
    if differences:
        count = len(differences)
        return Finding(
            Level.FAIL, "stock", f"{count} differences between balances and movements: grainline stock verify"
        )
    return Finding(Level.OK, "stock", "every balance is what its movements add up to")
