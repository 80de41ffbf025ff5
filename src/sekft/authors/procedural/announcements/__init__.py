"""Announcement channels. Each module has `announce(world, tool, text) -> Announced`; text is a sentence that names the tool."""
