"""Documentation layouts: how a tool's calls are told. Each module has `lay_out`; adding one is adding a file."""
