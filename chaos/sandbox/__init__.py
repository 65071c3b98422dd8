"""The world of one run: namespaces, addresses and kernel blocks."""
