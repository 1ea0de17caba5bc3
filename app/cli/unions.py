"""`grainline unions`: the tree of unions, from the national federation to a group at a workplace."""

from typing import Annotated

import typer

from app.platform.settings import get_settings

commands = typer.Typer(help="The tree of unions and units.", no_args_is_help=True)


@commands.command()
def add(
    code: Annotated[str, typer.Argument(help="A code of your choice, each once, such as XJK.")],
    *,
    name: Annotated[str, typer.Option(help="The full name.")],
    level: Annotated[str, typer.Option(help="national, municipal, district, street, grassroots or group.")],
    parent: Annotated[str | None, typer.Option(metavar="CODE", help="The union one level above.")] = None,
    hotline: Annotated[str | None, typer.Option(help="The telephone number that members call.")] = None,
) -> None:
    """Add a union or a unit below another one."""
    from app.cli.connect import in_transaction
    from app.unions.actions.tree import NewUnion, add_union
    from app.unions.rules import Level

    if level not in set(Level):
        raise typer.BadParameter(f"{level} is none of {', '.join(Level)}")
    wanted = NewUnion(code, name, Level(level), parent_code=parent, hotline=hotline)
    in_transaction(get_settings(), lambda session: add_union(session, wanted))
    print(f"Added {code}")


@commands.command("list")
def show() -> None:
    """Show the tree: code, level and name of every union, those below indented."""
    from app.cli.connect import in_transaction
    from app.unions.queries import list_tree

    for depth, union in in_transaction(get_settings(), list_tree):
        print(f"{'  ' * depth}{union.code}  {union.level}  {union.name}")
