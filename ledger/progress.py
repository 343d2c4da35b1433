"""What a step says of itself: how much it did, whether to come again soon, and what stands in the way. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """The outcome of one bounded unit of work.

    `done` counts what was moved on. `is_waiting` is true where more is to be had soon: come again in milliseconds
    rather than in a tenth of a second. `complaints` are sentences for whoever runs the node, each with what to do.
    """

    done: int = 0
    is_waiting: bool = False
    complaints: tuple[str, ...] = ()

    def __add__(self, other: Progress) -> Progress:
        return Progress(self.done + other.done, self.is_waiting or other.is_waiting, self.complaints + other.complaints)
