"""Labels from other tools and for them: CSV, COCO, Label Studio's JSON."""
