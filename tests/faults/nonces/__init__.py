"""Many senders on one key behind a line that loses things: one mined transaction for each intent, no gap."""
