"""A station's week in virtual time: faults that begin at known hours, and what notices them."""
