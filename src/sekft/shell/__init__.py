"""The one reader of shell text."""
