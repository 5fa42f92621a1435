"""Which atoms raise and which lower the prediction, and pictures of it."""
