"""Modules a node can run, built and signed as real artifacts."""
