"""`tally`, the whole of it: the node's commands, and the demo, which only this floor knows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli import app
from api.cli import main as run
from api.cli.console import DATA_DEFAULT, DataFolder

PORT_DEFAULT = 8000


@app.command("demo")
def demo(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the API.")] = PORT_DEFAULT,
    database_url: Annotated[str | None, typer.Option(envvar="TALLY_DATABASE_URL", help="Else SQLite in DATA.")] = None,
    data: DataFolder = DATA_DEFAULT,
) -> None:
    """Play a coffee chain of twelve parties on an embedded chain, and serve it, until Ctrl-C."""
    # Imported only here: no other command needs the story.
    from scripts.demo import run as run_demo  # noqa: PLC0415

    run_demo(port, Path(data), database_url)


def main() -> None:
    """The entry point of `tally`."""
    run()


if __name__ == "__main__":
    main()
