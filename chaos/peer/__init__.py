"""One peer as an operating-system process, and the zygote that forks it."""
