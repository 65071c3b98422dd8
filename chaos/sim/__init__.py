"""The same peers under a virtual clock and simulated links."""
