"""Training a student on exports: bases, rows, packs, and the runs over them. Its libraries are the extra `train`."""
