"""Attacks on proofs and signatures: what a forger, a careless parser or a hostile sender may hand us."""
