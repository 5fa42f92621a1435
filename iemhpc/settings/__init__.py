"""The TOML files a user writes, as pydantic models that refuse unknown keys."""
