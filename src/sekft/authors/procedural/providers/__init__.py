"""Provider kinds: what a queue means. Each module has KIND; adding one is adding a file and its axis value."""
