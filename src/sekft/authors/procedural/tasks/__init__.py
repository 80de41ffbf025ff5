"""Task kinds. Each module has `make(host) -> Job`; adding one is adding a file and its axis value."""
