"""Aim: a camera's picture while somebody turns its lens, and a calibration made step by step."""
