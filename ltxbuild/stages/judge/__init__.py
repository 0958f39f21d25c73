"""The evaluation's reasoning: samples and losses in, verdicts out. Reads no file and knows no model."""
