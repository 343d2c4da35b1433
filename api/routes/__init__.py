"""One router an EPCIS or business resource."""
