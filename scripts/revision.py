"""`python -m scripts.revision NAME`: writes the step from the tables of the newest migration to those of the models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.operations.ops import CreateTableOp, MigrationScript
from sqlalchemy import Column

from api.migrations.config import config_for
from api.schema import MIGRATIONS, revisions
from ledger.database import open_engine, writing


def write_revision(name: str) -> list[Path]:
    """The file it wrote into api/migrations/versions; none where models and migrations agree already."""
    before = set((MIGRATIONS / "versions").glob("*.py"))
    with TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/tally.db")
        with writing(engine) as session:
            config = config_for(session.connection())
            if revisions():
                command.upgrade(config, "head")
            number = f"{int(revisions()[-1]) + 1 if revisions() else 1:04d}"
            command.revision(config, name, autogenerate=True, rev_id=number, process_revision_directives=_revise)
        engine.dispose()
    return sorted(set((MIGRATIONS / "versions").glob("*.py")) - before)


def _revise(_context: Any, _revision: Any, directives: list[MigrationScript]) -> None:
    """No step where nothing changes, and no counter for a key that the model sets: PostgreSQL would make one."""
    steps = [step for script in directives if script.upgrade_ops for step in script.upgrade_ops.ops]
    if not steps:
        directives.clear()
    for step in steps:
        if isinstance(step, CreateTableOp):
            for column in step.columns:
                if isinstance(column, Column) and column.primary_key and column.default is not None:
                    column.autoincrement = False


def _tidy(path: Path) -> None:
    """The house's form, and without Alembic's own remarks."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.strip().startswith("# ###")))
    for arguments in (("format",), ("check", "--fix", "--exit-zero"), ("format",)):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, "--quiet", path], check=True)


def main() -> None:
    """Writes the step, in the house's form, and says where it is."""
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit('name what changes, as in: make revision NAME="orders and invoices"')
    written = write_revision(sys.argv[1].strip())
    for path in written:
        _tidy(path)
        print(f"{path}: read it, then commit it with the models")
    if not written:
        print("models and migrations agree: nothing to write")


if __name__ == "__main__":
    main()
