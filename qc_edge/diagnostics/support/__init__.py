"""The support bundle: one archive for the vendor, without secrets."""
