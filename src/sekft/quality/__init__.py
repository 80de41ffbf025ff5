"""What a set is worth."""
