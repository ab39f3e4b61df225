"""Challenge parts: physical parts that are known, shown to prove the station."""
