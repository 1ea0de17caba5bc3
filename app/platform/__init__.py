"""What every feature stands on and what knows no word of the domain."""
