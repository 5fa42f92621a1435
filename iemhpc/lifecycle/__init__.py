"""What cron calls and what the administrator asks."""
