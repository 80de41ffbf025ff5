"""What a scenario must pass before it is admitted."""
