"""Work beside the graph: run in the same killable workers as stages, never fingerprinted and never stored."""
