"""A verifier written from docs/proof-format.md alone, to see whether it agrees with ours.

Slow and literal. It shares no code with ledger/ and traceability/: JSON is the standard library's, RFC 8785, EIP-712's
hash and the curve are packages of others, GS1's words and tables are read off the page itself. Where the two disagree,
the page is wrong or we are.
"""
