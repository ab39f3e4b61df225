"""The station's side of its outputs: what they are made of, and how it is in their eyes."""
