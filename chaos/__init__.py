"""chaos: the chaos tester that treats a leader election as the thing under test."""
