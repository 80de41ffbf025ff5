"""Call syntaxes: how a call is typed and read back. Each module has SYNTAX; adding one is adding a file."""
