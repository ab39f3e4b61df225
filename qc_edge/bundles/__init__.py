"""Model bundles on disk: manifest, digests, golden frames, signature. Never runs a model."""
