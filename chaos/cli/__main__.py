"""``python -m chaos.cli`` is ``chaos``."""

from chaos.cli.start import main

main()
