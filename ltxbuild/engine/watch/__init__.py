"""Looking at a folder until it changed and stands still again. Knows neither projects nor what a build does."""
