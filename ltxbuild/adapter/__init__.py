"""LoRA files as they are found: their keys, ranks and scales. Needs no torch."""
