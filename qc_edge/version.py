"""The version of the software, as it stands in every row it writes."""

__version__ = "0.1.0"
