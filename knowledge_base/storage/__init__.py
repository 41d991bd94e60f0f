"""What the service keeps: reports, answers, corrections, outcomes, events and keys, in one SQL database."""
