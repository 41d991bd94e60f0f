"""``fenzhuan audit``: checking that the corrections are as they were entered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.settings import DATABASE_NAME, DEFAULT_DATA_DIR

if TYPE_CHECKING:
    from knowledge_base.storage.audit import Verified
    from knowledge_base.storage.chain import Head
    from knowledge_base.storage.database import SqliteDatabase

_HEAD = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")
_data_dir = click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), default=DEFAULT_DATA_DIR,
                         show_default=True, envvar="FENZHUAN_DATA_DIR", help="Where the database and the index lie.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def audit() -> None:
    """Check the chain over all corrections."""


def _opened(data_dir: Path) -> SqliteDatabase:
    from knowledge_base.storage.database import open_database
    from knowledge_base.storage.errors import StorageError

    path = data_dir / DATABASE_NAME
    if not path.exists():
        raise click.ClickException(f"no database {DATABASE_NAME!r} lies in {data_dir}; give --data-dir")
    try:
        return open_database(path)
    except StorageError as error:
        raise click.ClickException(str(error)) from error


def _noted(_context: click.Context, _option: click.Parameter, value: str | None) -> Head | None:
    from knowledge_base.storage.chain import Head

    if value is None:
        return None
    found = _HEAD.fullmatch(value)
    if found is None:
        raise click.BadParameter("expected NUMBER:HASH as `fenzhuan audit head` prints it")
    return Head(int(found[1]), found[2])


@audit.command()
@_data_dir
def head(data_dir: Path) -> None:
    """Print the head of the chain, NUMBER:HASH, to be noted where no one who can change the database can change it."""
    from knowledge_base.storage.audit import head_of

    database = _opened(data_dir)
    found = head_of(database)
    database.close()
    click.echo(f"{found.number}:{found.hash}")


@audit.command()
@_data_dir
@click.option("--head", "noted", callback=_noted, metavar="NUMBER:HASH",
              help="A head noted earlier; by default the one that the service keeps beside the database.")
def verify(data_dir: Path, noted: Head | None) -> None:
    """Check every entry; exit code 1 and the first broken one where anything was changed, removed or reordered."""
    from knowledge_base.storage.audit import verify as verified
    from knowledge_base.storage.chain_head import head_path, read_head
    from knowledge_base.storage.errors import StorageError

    database = _opened(data_dir)
    try:
        kept = noted or read_head(head_path(data_dir / DATABASE_NAME))
        found = verified(database, kept)
    except StorageError as error:
        raise click.ClickException(str(error)) from error
    finally:
        database.close()
    _tell(found, kept)


def _tell(found: Verified, kept: Head | None) -> None:
    fault = found.fault
    if fault is not None:
        where = f"link {fault.link}" if fault.link else "outside the chain"
        if fault.correction is not None:
            where += f", correction {fault.correction}"
        click.echo(f"{fault.code}\t{where}\t{fault.message}")
        raise click.ClickException(f"the corrections are not as they were entered; the first broken entry: {where}")
    if kept is None and found.links:
        click.echo("head_missing\t-\tno head is kept, so that nobody can tell whether entries were cut off at the end")
        raise click.ClickException("the head beside the database is gone; give one noted earlier with --head, or, "
                                   "after a restore without it, enter a correction, which makes it anew")
    click.echo(f"{found.links} links, nothing broken; head {found.head.number}:{found.head.hash}")
