"""The procedural author: meanings and interfaces drawn apart, programs and pages rendered from both."""
