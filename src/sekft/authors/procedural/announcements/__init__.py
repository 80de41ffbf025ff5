"""Announcement channels. Each module has `announce(world, tool, sentence) -> Announced`."""
