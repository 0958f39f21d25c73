"""Datasets of other trainers, read into a project and written from one. Decodes no clip."""
