"""Task kinds. Each module has `make(world) -> Job`; adding one is adding a file and its axis value."""
