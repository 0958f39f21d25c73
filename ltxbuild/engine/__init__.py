"""The build engine: graph, fingerprints, store, scheduler. Knows nothing of video, captions or torch."""
