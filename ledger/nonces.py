"""The next nonce of a sending key, taken in the database transaction of the row that uses it.

So each number is given out once: two processes with one database may race, the row decides. A number that was taken
is never given back; the transaction that has it is sent until it, or another with that number, is mined.
"""

from __future__ import annotations

from sqlmodel import Session, select

from ledger.tables import NonceRow


def take(session: Session, sender: bytes, chain_count: int) -> int:
    """The number for the sender's next transaction.

    `chain_count` is how many of its transactions chain and pool know: the first number where none has been taken here
    yet, and the least where somebody else has sent with the key. Assumes a session of `ledger.database.writing`.
    """
    row = session.exec(select(NonceRow).where(NonceRow.sender == sender).with_for_update()).one_or_none()
    if row is None:
        row = NonceRow(sender=sender, next_nonce=0)
    nonce = max(row.next_nonce, chain_count)
    row.next_nonce = nonce + 1
    session.add(row)
    session.flush()
    return nonce
