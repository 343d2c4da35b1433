"""A party's books held against a model of their own, operation by operation, and invoices with seeded mistakes."""
