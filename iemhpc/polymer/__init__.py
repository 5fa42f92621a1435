"""What a membrane is: repeat units, sequences, oligomers, the catalogue."""
