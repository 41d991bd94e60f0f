"""The inference API, its pages and the command line."""
