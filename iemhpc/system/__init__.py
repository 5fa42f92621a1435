"""From counts to coordinates: compositions, chains, packed boxes."""
