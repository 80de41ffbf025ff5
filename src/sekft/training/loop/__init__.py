"""The training loop. docs/decisions/a-training-loop-of-our-own.md says why it is not a library's trainer."""
