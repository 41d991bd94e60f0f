"""The console command ``fenzhuan``; other commands come from the entry-point group ``fenzhuan.commands``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from models.bundle import DEFAULT_BUNDLE
from serving.settings import (
    DATABASE_NAME,
    DEFAULT_DATA_DIR,
    DEFAULT_KNOWLEDGE_BASE,
    Settings,
    SettingsError,
    check_binding,
)

if TYPE_CHECKING:
    from knowledge_base.storage.database import SqliteDatabase
    from serving.core import CoreBuilder

Given = ParamSpec("Given")
Made = TypeVar("Made")
GROUP = "fenzhuan.commands"
ROLES = ("intake", "reviewer", "scientist", "admin")
DIRECTORY = click.Path(path_type=Path, file_okay=False)


class Commands(click.Group):
    """A group that loads a command only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands of this package and of the entry points."""
        return sorted({*super().list_commands(ctx), *(point.name for point in entry_points(group=GROUP))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one whose packages are not installed says so when it is run."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        point = next(iter(entry_points(group=GROUP, name=cmd_name)), None)
        return _loaded(point) if point is not None else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading those of the entry points."""
        rows = []
        for name in self.list_commands(ctx):
            own = super().get_command(ctx, name)
            rows.append((name, own.get_short_help_str() if own else f"See: fenzhuan {name} --help."))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _loaded(point: EntryPoint) -> click.Command:
    try:
        command = point.load()
    except ModuleNotFoundError as error:
        missing = error.name

        @click.command(point.name, context_settings={"ignore_unknown_options": True, "help_option_names": []})
        @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
        def unavailable(arguments: tuple[str, ...]) -> None:
            raise click.ClickException(f"`fenzhuan {point.name}` needs the package {missing!r}, which is not "
                                       "installed here; install the training extra: pip install 'fenzhuan[train]'")

        return unavailable
    if not isinstance(command, click.Command):
        raise click.ClickException(f"the entry point {point.name!r} is no click command")
    return command


@click.group(cls=Commands, context_settings={"auto_envvar_prefix": "FENZHUAN", "help_option_names": ["-h", "--help"]})
def main() -> None:
    """Fenzhuan routes citizens' reports to the departments in charge."""


def _reasons_shown(command: Callable[Given, Made]) -> Callable[Given, Made]:
    """Turn the known errors of starting into exit code 1 with the reason."""
    @wraps(command)
    def shown(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        from knowledge_base.errors import KnowledgeBaseError
        from knowledge_base.storage.errors import StorageError
        from models.bundle import ModelError

        try:
            return command(*args, **kwargs)
        except (SettingsError, ModelError, KnowledgeBaseError, StorageError) as error:
            raise click.ClickException(str(error)) from error

    return shown


def _data_dir(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--data-dir", type=DIRECTORY, default=DEFAULT_DATA_DIR, show_default=True,
                        envvar="FENZHUAN_DATA_DIR", help="Where the database and the index lie.")(command)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, envvar="FENZHUAN_HOST", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, envvar="FENZHUAN_PORT",
              help="Port to listen on.")
@_data_dir
@click.option("--bundle", type=DIRECTORY, default=DEFAULT_BUNDLE, envvar="FENZHUAN_BUNDLE",
              help="The model bundle.  [default: the one shipped]")
@click.option("--knowledge-base", type=DIRECTORY, default=DEFAULT_KNOWLEDGE_BASE, envvar="FENZHUAN_KNOWLEDGE_BASE",
              help="The knowledge base.  [default: the one shipped]")
@click.option("--rate-per-minute", type=click.IntRange(1), default=6_000, show_default=True,
              envvar="FENZHUAN_RATE_PER_MINUTE", help="Requests a minute for each key.")
@click.option("--max-in-flight", type=click.IntRange(1), default=64, show_default=True,
              envvar="FENZHUAN_MAX_IN_FLIGHT", help="Reports answered at once; more get 503.")
@_reasons_shown
def serve(host: str, port: int, data_dir: Path, bundle: Path, knowledge_base: Path, rate_per_minute: int,
          max_in_flight: int) -> None:
    """Run the HTTP service and its pages."""
    run_server(Settings(host=host, port=port, data_dir=data_dir, bundle=bundle, knowledge_base=knowledge_base,
                        rate_per_minute=rate_per_minute, max_in_flight=max_in_flight))


def run_server(settings: Settings, builder: CoreBuilder | None = None) -> None:
    """Serve until told to stop.

    Raises:
        SettingsError, StorageError, BundleError, KnowledgeBaseError: what must not be served.
    """
    import uvicorn

    from knowledge_base.storage.database import open_database
    from knowledge_base.storage.keys import any_key
    from serving.app import create_app
    from serving.core import CoreBuilder
    from serving.telemetry import configure_logging

    database = open_database(settings.database_path)
    has_keys = any_key(database)
    database.close()
    check_binding(settings.host, has_keys)
    builder = builder or CoreBuilder()
    core = builder.build(settings)
    configure_logging()
    click.echo(_greeting(settings, has_keys, core.bundle.version, core.knowledge_base.version), err=True)
    server = uvicorn.Server(uvicorn.Config(
        create_app(settings, builder, first=core), host=settings.host, port=settings.port, log_config=None,
        access_log=False, server_header=False, timeout_graceful_shutdown=settings.shutdown_s, ws="none"))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise SettingsError(f"could not listen on {settings.host}:{settings.port}; is the port in use?")


def _greeting(settings: Settings, has_keys: bool, bundle: str, knowledge_base: str) -> str:
    access = ("keys are required" if has_keys else
              "no key is configured: open to everyone on this machine, bound to the loopback address only")
    return (f"Fenzhuan listens on http://{settings.host}:{settings.port} ({access}); bundle {bundle}, "
            f"knowledge base {knowledge_base[:19]}, data in {settings.data_dir}")


@main.group()
def key() -> None:
    """Make, list and revoke keys of the service."""


def _database(data_dir: Path) -> SqliteDatabase:
    from knowledge_base.storage.database import open_database

    return open_database(data_dir / DATABASE_NAME)


@key.command("add")
@_data_dir
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the key may do; admin may do all.")
@click.option("--name", default="", help="Whose key it is.")
@_reasons_shown
def key_add(data_dir: Path, role: str, name: str) -> None:
    """Make a key and print it, this once."""
    from knowledge_base.storage.keys import add_key

    made, record = add_key(_database(data_dir), role, name[:100])
    click.echo(f"Key {record.number} of role {role}; it is shown this once:", err=True)
    click.echo(made)


@key.command("list")
@_data_dir
@_reasons_shown
def key_list(data_dir: Path) -> None:
    """List keys: number, role, name, made, revoked."""
    from knowledge_base.storage.keys import list_keys

    for one in list_keys(_database(data_dir)):
        click.echo("\t".join((str(one.number), one.role, one.name or "-", one.created_at, one.revoked_at or "-")))


@key.command("revoke")
@_data_dir
@click.argument("number", type=int)
@_reasons_shown
def key_revoke(data_dir: Path, number: int) -> None:
    """Revoke the key with this NUMBER of the list."""
    from knowledge_base.storage.keys import revoke_key

    if not revoke_key(_database(data_dir), number):
        raise click.ClickException(f"no key in force has the number {number}; see `fenzhuan key list`")
    click.echo(f"Key {number} is revoked.", err=True)


if __name__ == "__main__":
    sys.exit(main())
