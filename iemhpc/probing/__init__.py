"""What a cluster can do: jobs that are no runs, and what they found."""
