"""What happened to the goods, and who said so: EPCIS events, their names, their lineage, their verification."""
