"""Act, judge, record."""
