"""A sekft plugin of one member of each family."""
