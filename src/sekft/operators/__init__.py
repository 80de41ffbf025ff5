"""The policies that act: one file a kind. They import the bottom modules and never each other."""
