"""What the warehouse computes in SQL. One file, one model, with `$date` as its parameter."""
