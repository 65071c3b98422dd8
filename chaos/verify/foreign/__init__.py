"""Laws held against servers that keep no journal, by what was seen of them."""
