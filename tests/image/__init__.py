"""The device image in emulated boxes: boots, updates, power cuts; not in `make test`."""
