"""Alembic's configuration: which folder, and the connection to work on. There is no ini file to find."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from sqlalchemy.engine import Connection


def config_for(connection: Connection) -> Config:
    """For Alembic's commands on this connection, which must be in a transaction: nothing here commits."""
    config = Config()
    # A percent sign would begin a reference to another option.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config
