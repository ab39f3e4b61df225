"""Digital lines: a pulse says what a part is, and no pulse says that it is not accepted."""
