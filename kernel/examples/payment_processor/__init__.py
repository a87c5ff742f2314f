"""A small payment processor: the module the tests, the demo and the load scenarios deploy. Standard library only."""
