"""Task kinds, a module each: `@TASKS.kind(name)` on `make(host) -> Job`; the module's first line is the brief."""
