"""``python -m chaos.cli`` is ``chaos``."""

from chaos.cli.app import main

main()
