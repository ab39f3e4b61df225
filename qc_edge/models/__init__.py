"""A station's bundles as a person handles them: listed, installed, activated, taken back, accepted."""
