"""How a database of one version becomes one of the next: a file in `versions` for each step, numbered, run by Alembic.

They live on this floor because a database holds the tables of all floors, and only the topmost knows them all
(`api/schema.py` lists them); so they ship with the program that needs them.

After a change to any table:

    make revision NAME="orders and invoices"

compares the models with what the files here make of an empty database, and writes the difference as a new file. Read it
before committing it together with the models: what Alembic can't see (a renamed column, values to be moved) is written
by hand. A new module with tables is named in `api/schema.py` first. A test compares the two on SQLite and PostgreSQL,
and fails until they agree. Where another has taken the number meanwhile, or the models have changed once more before a
release, delete your file and make it again.

The rules of such a file:
- It imports nothing of ours. A model changes; what a step did years ago does not.
- It may run while processes of the version before are still serving. So it adds: a new column is nullable or has a
  `server_default`, in the model too. What they use is removed a version later.
- It has no way back. A database is taken back by restoring a backup.
- A released file never changes.
"""
