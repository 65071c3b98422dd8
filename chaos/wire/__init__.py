"""Bytes to records and back, for ZooKeeper's election port and quorum port."""
