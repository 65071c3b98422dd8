"""Plans: YAML text to typed steps and expectations, every error with its place."""
