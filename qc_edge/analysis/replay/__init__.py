"""Replay: what another threshold or another model would have made of the parts of the past."""
