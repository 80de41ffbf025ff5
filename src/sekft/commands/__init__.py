"""The console commands, one function each; every one imports what it needs when it runs, so that help is instant."""
