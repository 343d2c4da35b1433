"""Every place at which a process of ours may die: numbered, and died at, one after the other."""
