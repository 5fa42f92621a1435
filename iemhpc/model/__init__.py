"""From a molecular graph to an activity coefficient: networks, their training, their bundles."""
