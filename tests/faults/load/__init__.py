"""Events as fast as they go, for an hour's worth and more: memory stays flat, and nothing piles up."""
