"""The catalogs, a TOML file for each language."""
