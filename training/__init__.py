"""From labelled messages to a served bundle; the only place for torch."""
