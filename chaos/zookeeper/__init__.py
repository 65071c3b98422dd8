"""Everything that knows Apache ZooKeeper: where it is, its files, its log, its clients."""
