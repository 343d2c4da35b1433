"""One node, its chain and everything that goes wrong between them, in one thread and drawn from one seed."""
