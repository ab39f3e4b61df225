"""Tests of outputs: the handshake by itself, and over each wire."""
