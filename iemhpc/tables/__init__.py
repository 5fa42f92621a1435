"""The files at which stages meet: one schema a module, one reader and writer for all."""
