"""The station as a whole: what it promises, and the tests that try to break it."""
