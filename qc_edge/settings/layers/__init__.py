"""Settings in layers: what all stations share in `common.d/`, and each station's own file above."""
