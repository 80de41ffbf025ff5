"""Announcement channels. Each module has `announce(host, tool, text) -> Announcement`; text is a sentence that names the tool."""
