"""The tool that holds the directives."""
