"""Datasets of other trainers, read into a project and written out of one. Decodes nothing and knows no settings."""
