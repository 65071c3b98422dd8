"""A stored run as one self-contained page."""
