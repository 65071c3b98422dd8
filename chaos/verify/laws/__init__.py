"""Laws that one peer's journal decides alone, each in a watcher of its own."""
