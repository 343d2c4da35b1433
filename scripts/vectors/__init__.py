"""Our own golden data for writers of verifiers: what is in tests/vectors, and how each file was made."""
