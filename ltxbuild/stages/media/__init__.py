"""Video and audio files as the media stages see them: decoding, resampling in time, geometry, encoding."""
