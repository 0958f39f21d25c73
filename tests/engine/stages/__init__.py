"""Stages for worker processes of tests: they need no torch and no media."""
