"""The command line; ``chaos.cli.app:main`` is its door."""
