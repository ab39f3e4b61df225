"""Start: from a camera to the first verdict on an own product, what is done and what is missing."""
