"""`grainline audit`: looking the audit log over, and taking it along."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.platform.settings import Settings, get_settings

commands = typer.Typer(help="The audit log: append-only, chained, signed every hour.", no_args_is_help=True)

HeadsFile = Annotated[
    Path | None,
    typer.Option("--heads", metavar="FILE", help="Signed heads that were kept elsewhere, one a line."),
]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="HEX", help="A public key to trust; needed where no key files are."),
]


@commands.command()
def verify(heads: HeadsFile = None, keys: Keys = None) -> None:
    """Check every entry against its seal, and the seals against the signed heads.

    Names the first bad row; exit code 1 if there is one.
    """
    from app.access.chain import examine
    from app.access.sealer import read_head
    from app.cli.connect import in_transaction

    settings = get_settings()
    file = heads or (settings.audit_heads_file if settings.audit_heads_file.exists() else None)
    lines = file.read_text(encoding="utf-8").splitlines() if file else []
    try:
        known = [read_head(line) for line in lines]
        trusted = _trusted(settings, keys or [])
    except ValueError as error:
        print(f"{file or '--key'}: {error}")
        raise typer.Exit(1) from None
    report = in_transaction(settings, lambda session: examine(session, known, trusted=trusted))
    if report.finding is None:
        print(f"In order: {report.sealed} sealed, {report.waiting} waiting, {report.heads} signed heads")
        return
    finding = report.finding
    named = [f"seal {finding.seq}"] if finding.seq is not None else []
    named += [f"entry {finding.entry_id}"] if finding.entry_id is not None else []
    print(f"{', '.join(named)}: {finding.fault}: {finding.words}")
    raise typer.Exit(1)


@commands.command()
def export(file: Annotated[Path, typer.Argument(help="Where to; must not be there yet.")]) -> None:
    """Write every sealed entry with its seal, one JSON object a line, in the order of the chain."""
    from sqlalchemy.ext.asyncio import AsyncSession

    from app.access.audit import content_of
    from app.access.chain import read_chain
    from app.cli.connect import in_transaction

    async def write(session: AsyncSession) -> int:
        count = 0
        with file.open("x", encoding="utf-8") as lines:
            async for rows in read_chain(session):
                for row in rows:
                    entry = None if row.entry is None else content_of(row.entry)
                    line = {"seq": row.seq, "hash": row.hash.hex(), "entry": entry}
                    lines.write(json.dumps(line, ensure_ascii=False) + "\n")
                count += len(rows)
        return count

    print(f"Wrote {in_transaction(get_settings(), write)} entries to {file}")


def _trusted(settings: Settings, given: list[str]) -> set[bytes]:
    """Return the public keys whose signatures count: those given, else those of this installation."""
    from app.platform.signing import KeyStore

    if given:
        return {bytes.fromhex(key) for key in given}
    store = KeyStore(settings.audit_keys_dir)
    return {store.load(key_id).public_key.raw for key_id in range(1, store.last_id() + 1)}
