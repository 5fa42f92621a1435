"""Labels joined with descriptors: one row a point."""
