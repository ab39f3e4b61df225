"""What commands about upstream say."""
