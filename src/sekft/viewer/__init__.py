"""Reading runs in a browser: `sekft view` serves pages on loopback, `sekft report` writes them into one file."""
