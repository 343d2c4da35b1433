"""The plain way to take an event: a bare FastAPI route that stores the body in SQLite and answers its number."""

from __future__ import annotations

import os
import sqlite3
import threading

from fastapi import Body, FastAPI

app = FastAPI()
_connection = sqlite3.connect(os.environ["BARE_DATABASE"], check_same_thread=False)
_connection.execute("PRAGMA journal_mode=WAL")
# As durable as ours: an answered request survives a power cut.
_connection.execute("PRAGMA synchronous=FULL")
_connection.execute("CREATE TABLE IF NOT EXISTS bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
_lock = threading.Lock()


@app.post("/capture", status_code=202)
def capture(body: bytes = Body(media_type="application/json")) -> dict[str, int | None]:
    """Store the body; its row number is the answer."""
    with _lock, _connection:
        return {"id": _connection.execute("INSERT INTO bodies (body) VALUES (?)", (body,)).lastrowid}
