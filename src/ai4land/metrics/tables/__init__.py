"""What every score is made of: tables and sums that add, over blocks, regions and resamples."""
