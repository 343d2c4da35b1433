"""Bytes in, proofs out: keys, records, trees and the chain. This floor knows nothing of goods or events."""
