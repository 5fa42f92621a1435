"""One self-contained page that shows what was done."""
