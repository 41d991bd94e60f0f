"""The endpoints of the contract, one module for each concern."""
