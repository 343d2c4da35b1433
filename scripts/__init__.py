"""Set-up, demonstration, compilation and measurement: what is run by hand or by make."""
