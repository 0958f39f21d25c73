"""ltxbuild: make for LoRAs. Importing the package loads nothing else."""

__version__ = "0.1.0"
