"""Many runs: sets of them, and what is asked of a set."""
