"""Engines: ways to run many jobs at once."""
