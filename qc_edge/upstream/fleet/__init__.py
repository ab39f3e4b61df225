"""What the stations of a plant have sent, together: committed to tables by one job."""
