"""Breaking things: what must hold while the chain's node, the network, the disk and the clock do their worst."""
