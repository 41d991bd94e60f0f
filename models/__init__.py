"""Domain objects, text normalisation, and the bundled model's inference, free of torch."""
